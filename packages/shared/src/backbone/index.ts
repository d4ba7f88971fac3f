export { Backbone, type BackboneConfig } from './backbone.ts';
