export { Backbone, type BackboneOptions } from './backbone.ts';
