import { describe, expect, it } from 'vitest';
import type { Certificate } from './api';
import { brief, byUrgency, eventWords, relative, served, sight, utc } from './words';

const now = Date.parse('2026-11-23T12:00:00Z');

function certificate(part: Partial<Certificate>): Certificate {
  return {
    name: 'shop',
    labels: {},
    mode: 'Manage',
    state: 'Ready',
    ready: true,
    reason: { code: 'Converged', text: '' },
    issuer: 'internal',
    profile: 'tls-server',
    targets: [],
    ...part,
  };
}

describe('relative', () => {
  it.each([
    ['2026-11-23T12:00:00Z', 'now'],
    ['2026-11-23T12:00:01Z', 'in 1 second'],
    ['2026-11-23T11:58:00Z', '2 minutes ago'],
    ['2026-11-26T13:00:00Z', 'in 3 days'],
    [undefined, ''],
  ])('%s reads "%s"', (at, text) => expect(relative(at, now)).toBe(text));
});

describe('what is served', () => {
  it('counts an endpoint only when fingerprint, chain, name and time are right', () => {
    const good = { address: 'a:1', matches: true, chainValid: true, nameValid: true, timeValid: true };
    const endpoints = [good, { ...good, nameValid: false }, { ...good, matches: false }, { address: 'b:1' }];
    const c = certificate({ targets: [{ target: 'a', state: 'Ready', reason: { code: '', text: '' }, endpoints }] });
    expect(served(c)).toEqual({ good: 1, all: 4 });
  });
  it('says what is the case', () => {
    expect(sight({ address: 'a:1' })).toBe('not looked at yet');
    expect(sight({ address: 'a:1', observedAt: 'x', outcome: 'refused' })).toBe('refuses connections');
    expect(sight({ address: 'a:1', observedAt: 'x', outcome: 'served', matches: false, issuer: 'Old CA' })).toContain('Old CA');
  });
});

describe('order', () => {
  it('puts what needs a person first', () => {
    const list = [certificate({ name: 'a' }), certificate({ name: 'b', state: 'NeedsPerson' }), certificate({ name: 'c', state: 'Renewing' })];
    expect(list.sort(byUrgency).map((c) => c.name)).toEqual(['b', 'c', 'a']);
  });
});

describe('events', () => {
  it('read as the service words them', () => expect(eventWords({ action: 'key.made', text: 'A private key was made' })).toBe('A private key was made'));
  it('or as their action', () => expect(eventWords({ action: 'endpoint.changed' })).toBe('endpoint changed'));
});

describe('times', () => {
  it('are exact in UTC for those who compare with logs', () => expect(utc('2026-11-23T12:00:00.123Z')).toBe('2026-11-23 12:00:00 UTC'));
  it('leave sentences that have to be short', () =>
    expect(brief('Renewal is due since 3h ago (2026-11-23T09:00:00Z). Now: a `new` key.')).toBe('Renewal is due since 3h ago. Now: a new key.'));
});
