// What a host is called, and whether two names are one host's. Pure.

/** By the attributes of its resource. */
export const hostNameOf = (host: ReadonlyArray<readonly [string, string]>): string | undefined =>
  host.find(([key]) => key === 'host.name')?.[1];

/** Names are blind to case, and either may lack the domain. */
export function isSameHost(claimed: string, own: string): boolean {
  const [name, ours] = [claimed.toLowerCase(), own.toLowerCase()];
  if (name === 'localhost' || name === ours) return true;
  const [short, ourShort] = [name.split('.')[0], ours.split('.')[0]];
  return short === ourShort && (name === short || ours === ourShort);
}
