import { CetusError } from '@cetus/shared/errors';
import type { Links } from '@cetus/shared/schemas';
import type { FastifyRequest } from 'fastify';

const HOST = /^(?:[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.%]{2,60}\])(?::\d{1,5})?$/;

/** Makes the addresses in answers. */
export class LinkBuilder {
  private readonly publicUrl: string | undefined;

  /** @param publicUrl the address that clients know; the Host header of each request when undefined */
  constructor(publicUrl: string | undefined) {
    this.publicUrl = publicUrl?.replace(/\/+$/, '');
  }

  /**
   * The address of the API as the sender of a request knows it, without a slash at the end.
   * @throws CetusError `invalid_field` when the Host header is not a host
   */
  base(request: FastifyRequest): string {
    if (this.publicUrl !== undefined) return this.publicUrl;
    const host = request.headers.host;
    // A request of HTTP/1.0 may have none; addresses are then relative to the server.
    if (host === undefined || host === '') return '';
    if (!HOST.test(host))
      throw new CetusError('invalid_field', 'Host must be a host name or an address', { field: 'Host' });
    return `${request.protocol}://${host}`;
  }

  /** Where an object is. */
  self(base: string, resource: string, id: string): string {
    return `${base}/v1/${resource}/${id}`;
  }

  /** Magnum's two links of an object. */
  object(base: string, resource: string, id: string): Links {
    return [
      { href: `${base}/v1/${resource}/${id}`, rel: 'self' },
      { href: `${base}/${resource}/${id}`, rel: 'bookmark' },
    ];
  }
}

/** Magnum's bookmarks leave the version out: `/clusters/…` means `/v1/clusters/…`. */
export function rewriteBookmark(url: string): string {
  return /^\/(?:applications|clusters|clustertemplates|certificates|quotas|stats|mservices|operations|events)(?:[/?]|$)/.test(
    url,
  )
    ? `/v1${url}`
    : url;
}
