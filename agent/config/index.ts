// The door of the configuration room.

export { refuseChanges } from './fixed.ts';
export { type Config, type LoadOptions, loadAgent, loadConfig } from './load.ts';
export { createPatterns } from './patterns.ts';
export { jsonSchema } from './schema.ts';
export type { AgentOptions, SpoolOptions, Tables } from './sections.ts';
