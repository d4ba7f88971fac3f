export * from './fields.ts';
export * from './list.ts';
export * from './patch.ts';
export * from './discovery.ts';
export * from './cluster-template.ts';
export * from './cluster.ts';
export * from './operation.ts';
export * from './event.ts';
