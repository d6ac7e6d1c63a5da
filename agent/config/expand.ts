// `${NAME}`, `${NAME:-default}`, `${file:/path}` and `$$` inside a value. Pure: environment and files are handed in.

export interface Sources {
  /** The value of an environment variable. */
  env(name: string): string | undefined;
  /** The text of a file; throws an error that says why it cannot be read. */
  file(path: string): string;
}

/** Whether a value is one expansion and nothing else, so that its type is the expansion's. */
export const isWhole = (text: string): boolean => /^\$\{[^}]*\}$/.test(text);

/** The text with its expansions replaced; what cannot be replaced is told to `fault` and left empty. */
export function expand(text: string, sources: Sources, fault: (message: string) => void): string {
  return text.replace(/\$\$|\$\{([^}]*)(\}?)/g, (whole: string, inner: string | undefined, end: string) => {
    if (inner === undefined) return '$';
    if (end === '') {
      fault(`"${whole}" is not closed with }; write $\${ for a plain \${`);
      return '';
    }
    if (inner.startsWith('file:')) {
      try {
        return sources.file(inner.slice(5)).replace(/\r?\n$/, '');
      } catch (error) {
        fault((error as Error).message);
        return '';
      }
    }
    const [, name, byDefault] = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inner) ?? [];
    if (name === undefined) {
      fault(
        `"${whole}" is none of \${NAME}, \${NAME:-default} and \${file:/path}; write $\${ for a plain \${`,
      );
      return '';
    }
    // As in a shell, `:-` also steps in for a variable that is set and empty.
    const value = byDefault === undefined ? sources.env(name) : sources.env(name) || byDefault;
    if (value === undefined)
      fault(`the environment variable ${name} is not set; give a default with \${${name}:-…}`);
    return value ?? '';
  });
}
