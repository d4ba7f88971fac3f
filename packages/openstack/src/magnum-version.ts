import { hasStatus, OpenStackError } from './errors.ts';
import { header, type HttpAnswer } from './http.ts';
import type { KeystoneSession, SessionRequestOptions } from './keystone.ts';

const SERVICE = 'container-infra';
const HEADER = 'openstack-api-version';

/** A microversion, e.g. 1.10: not a decimal number. */
export interface Microversion {
  readonly major: number;
  readonly minor: number;
}

/** The highest microversion the client knows. */
const NEWEST_KNOWN: Microversion = { major: 1, minor: 14 };
/** Without node groups and their resize there is no use in Magnum. */
const OLDEST_USABLE: Microversion = { major: 1, minor: 9 };

/** What Magnum says it speaks, and what is spoken with it. */
export interface MagnumVersions {
  readonly min: Microversion;
  readonly max: Microversion;
  /** The highest that both know. */
  readonly used: Microversion;
}

/** Where Magnum is. */
export interface MagnumPlace {
  /** Its type in the catalog. Default `container-infra`. */
  serviceType?: string | undefined;
  /** Its URL, with `/v1`, instead of the catalog's. */
  url?: string | undefined;
}

/** `1.10`. */
export const formatVersion = ({ major, minor }: Microversion): string => `${String(major)}.${String(minor)}`;

/** True from `minor` of major version 1 on. */
export const isAtLeast = (version: Microversion, minor: number): boolean =>
  version.major > 1 || version.minor >= minor;

/**
 * Sends requests to Magnum with the microversion both sides know, which is asked for once and again when Magnum
 * refuses it (406): it has been replaced by an older one.
 */
export class MagnumConnection {
  readonly #session: KeystoneSession;
  readonly #service: string;
  readonly #endpoint: string | undefined;
  #versions: Promise<MagnumVersions> | undefined;

  constructor(session: KeystoneSession, place: MagnumPlace = {}) {
    this.#session = session;
    this.#service = place.serviceType ?? SERVICE;
    this.#endpoint = place.url?.replace(/\/+$/, '');
  }

  /**
   * @throws OpenStackError 406 `VersionNotSupported` when Magnum is too old, or too new, for this client.
   */
  async versions(): Promise<MagnumVersions> {
    // Shared by all who wait, so no caller's signal may end it; the session's time-outs do.
    this.#versions ??= this.#negotiate();
    const asked = this.#versions;
    try {
      return await asked;
    } catch (error) {
      if (this.#versions === asked) this.#versions = undefined;
      throw error;
    }
  }

  /** @throws OpenStackError, OpenStackUnreachableError, EndpointNotFoundError, ProjectScopeError */
  async request(method: string, path: string, options: SessionRequestOptions = {}): Promise<HttpAnswer> {
    try {
      return await this.#send(method, path, options);
    } catch (error) {
      if (!hasStatus(error, 406)) throw error;
      this.#versions = undefined;
      return this.#send(method, path, options);
    }
  }

  async #send(method: string, path: string, options: SessionRequestOptions): Promise<HttpAnswer> {
    const { used } = await this.versions();
    return this.#session.request(this.#service, method, path, {
      ...options,
      endpoint: this.#endpoint,
      headers: { [HEADER]: `${SERVICE} ${formatVersion(used)}`, ...options.headers },
    });
  }

  /** The root of v1 says in its headers what it speaks; unlike `/` it is behind the catalog's endpoint. */
  async #negotiate(): Promise<MagnumVersions> {
    const answer = await this.#session.request(this.#service, 'GET', '/', { endpoint: this.#endpoint });
    const min = parseVersion(header(answer.headers, 'openstack-api-minimum-version')) ?? {
      major: 1,
      minor: 1,
    };
    const max = parseVersion(header(answer.headers, 'openstack-api-maximum-version')) ?? min;
    const used = isOlder(max, NEWEST_KNOWN) ? max : NEWEST_KNOWN;
    if (isOlder(used, OLDEST_USABLE) || isOlder(used, min)) {
      const wanted = `${formatVersion(OLDEST_USABLE)} to ${formatVersion(NEWEST_KNOWN)}`;
      const message = `Magnum speaks microversions ${formatVersion(min)} to ${formatVersion(max)}; ${wanted} are known here.`;
      const info = { service: this.#service, method: 'GET', path: '/' };
      throw new OpenStackError(info, {
        status: 406,
        code: 'VersionNotSupported',
        message,
        body: answer.body,
      });
    }
    return { min, max, used };
  }
}

const isOlder = (a: Microversion, b: Microversion): boolean =>
  a.major === b.major ? a.minor < b.minor : a.major < b.major;

/** Reads `container-infra 1.10`. */
function parseVersion(value: string | undefined): Microversion | undefined {
  const [, major, minor] = /(\d+)\.(\d+)\s*$/.exec(value ?? '') ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
