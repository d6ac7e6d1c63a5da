// What statfs(2) tells of a file system. Pure.

/** `f_type` of those in memory alone, tmpfs and ramfs. Source: linux/magic.h. */
export const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
