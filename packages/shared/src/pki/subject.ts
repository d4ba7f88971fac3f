import { isIP } from 'node:net';
import {
  AttributeTypeAndValue,
  AttributeValue,
  GeneralName,
  RelativeDistinguishedName,
  Name,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

/** Whom a certificate names. Kubernetes reads the user from the common name, the groups from the organizations. */
export interface Subject {
  commonName: string;
  organizations?: readonly string[];
}

/** Where a server can be reached under its certificate. */
export interface AlternativeNames {
  dnsNames?: readonly string[];
  /** IPv4 or IPv6. */
  ipAddresses?: readonly string[];
}

/** The X.500 name of a subject: organizations first, each its own RDN. */
export function encodeSubject({ commonName, organizations = [] }: Subject): Name {
  const attribute = (type: string, value: string): RelativeDistinguishedName =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: value }) }),
    ]);
  return new Name([
    ...organizations.map((organization) => attribute(ORGANIZATION, organization)),
    attribute(COMMON_NAME, commonName),
  ]);
}

/** The common names and organizations of an X.500 name, in its order; its other attributes are left out. */
export function decodeSubject(name: Name): { commonNames: string[]; organizations: string[] } {
  const attributes = [...name].flatMap((part) => [...part]);
  const values = (type: string): string[] =>
    attributes.filter((attribute) => attribute.type === type).map(({ value }) => value.toString());
  return { commonNames: values(COMMON_NAME), organizations: values(ORGANIZATION) };
}

/** @throws Error when an address is not one. */
export function encodeAlternativeNames(names: AlternativeNames): SubjectAlternativeName | undefined {
  const { dnsNames = [], ipAddresses = [] } = names;
  if (dnsNames.length + ipAddresses.length === 0) return undefined;
  const wrong = ipAddresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new Error(`${wrong} is not an IP address`);
  return new SubjectAlternativeName([
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...ipAddresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ]);
}

/** @throws Error when there are other names than DNS names and addresses. */
export function decodeAlternativeNames(names: SubjectAlternativeName): {
  dnsNames: string[];
  ipAddresses: string[];
} {
  const dnsNames: string[] = [];
  const ipAddresses: string[] = [];
  for (const { dNSName, iPAddress } of names) {
    if (dNSName !== undefined) dnsNames.push(dNSName);
    else if (iPAddress !== undefined && isIP(iPAddress) !== 0) ipAddresses.push(iPAddress);
    else throw new Error('alternative names can only be DNS names and IP addresses');
  }
  return { dnsNames, ipAddresses };
}
