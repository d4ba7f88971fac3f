import type { ObjectStatus, StoredObject } from './object.ts';

/** What is counted. Source: Magnum's `QuotaResourceName`. */
export const QUOTA_RESOURCES = ['Cluster'] as const;
export type QuotaResource = (typeof QUOTA_RESOURCES)[number];

/** How many of a resource a project may have, where that is not the default of the installation. */
export interface QuotaSpec {
  resource: QuotaResource;
  hard_limit: number;
}

/** The document of a quota: its project is the one that it is for, its name the resource. It is complete at once. */
export type StoredQuota = StoredObject<QuotaSpec, ObjectStatus>;
