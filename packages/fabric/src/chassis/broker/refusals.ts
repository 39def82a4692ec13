/**
 * Every way the broker says no to a guest. A refusal is a value: its code is for programs, its message says what to do.
 * Neither holds a secret, a cause's text or anything that an upstream wrote.
 */
import type { RunNote } from '../words.ts';

export const REFUSALS = {
  'run.closed': 'The run or its lease has ended; nothing is called for it any more.',
  'call.busy': 'A call is under way; a run makes one call at a time.',
  'call.malformed':
    'A call is {alias?, method?, url, headers?, body?}: strings, with the body in base64.',
  'call.too_large': 'The request is larger than the broker sends; send less, or in several calls.',
  'rate.exceeded': 'More calls a second than the contract allows; call less often.',
  'calls.exhausted': 'The run has made all the network calls that its contract allows.',
  'url.refused': 'The URL is not one that every reader reads the same way; write it plainly.',
  'grant.missing':
    'No HTTP grant of this run covers it; call what the contract lists and the task uses.',
  'address.refused':
    'The name leads to an address that is not of the public internet; the grant has to say privateAddress.',
  'redirect.refused': 'The redirect cannot be followed; call its target, if it is granted.',
  'redirect.too_many': 'The upstream redirects too often; call the last target.',
  'credential.unknown': 'The credential does not belong to this run, or its run has ended.',
  'credential.expired': 'The credential has outlived its time; a new run gets a new one.',
  'credential.revoked': 'The credential was revoked; an operator has to grant it again.',
  'credential.rotated': 'The secret has a new version; a new run gets it.',
  'credential.unavailable': 'The secret store did not give the secret; an operator can say why.',
  'credential.unusable':
    'The secret cannot be sent: it is too short, too long, holds control characters, or its header is not the contract’s to set.',
  'credential.plain_http':
    'A secret is sent over https, or inside (privateAddress) over http; change the origin of the grant.',
  'upstream.unresolved': 'The name of the host has no address now; try later.',
  'upstream.unreachable': 'Nothing answers at that host and port; try later.',
  'upstream.untrusted': 'The host could not prove its name by TLS.',
  'upstream.broken': 'The upstream broke off, or does not speak HTTP/1.1; try later.',
  'upstream.slow': 'The upstream took longer than a call may last; try later.',
  'reply.too_large': 'The reply is larger than the broker passes on; ask for less.',
  'reply.encoding': 'The reply is compressed in a way that cannot be searched or undone.',
  'broker.failed': 'The broker failed; the call may or may not have reached the upstream.',
} as const;

export type BrokerCode = keyof typeof REFUSALS;

export type Violation = Omit<Extract<RunNote, { readonly kind: 'violation' }>, 'kind'>;

export interface Refused {
  readonly ok: false;
  readonly code: BrokerCode;
  readonly message: string;
  /** What the log keeps of it, where the guest tried something that it was not granted. */
  readonly violation?: Violation;
}

/** Characters of a guest's or an upstream's text that a message or a note repeats. */
const SHOWN_CHARS_MAX = 120;

/** Text from outside as data: printable ASCII, cut. */
export const shown = (text: string): string =>
  text.slice(0, SHOWN_CHARS_MAX).replaceAll(/[^\x20-\x7e]/g, '?');

export const refuse = (
  code: BrokerCode,
  about?: string,
  violation?: Violation['violation'],
): Refused => {
  const subject = shown(about ?? '');
  return {
    ok: false,
    code,
    message: subject === '' ? REFUSALS[code] : `${subject}: ${REFUSALS[code]}`,
    ...(violation === undefined ? {} : { violation: { violation, subject } }),
  };
};
