// The state of the page: asked for once, then again (at most every second) whenever an event says that something happened,
// and every 15 seconds because time passes too.
import { useCallback, useEffect, useRef, useState } from 'react';
import { type AuditEvent, type Certificate, Problem, type Status, api, listen } from './api';

const EVENTS_KEPT = 50;
const PAGES_MOST = 5; // 500 certificates on the first page of the dashboard; the rest is counted, not listed

export interface Live {
  status?: Status;
  certificates: Certificate[];
  more: boolean;
  events: AuditEvent[];
  connected: boolean;
  problem?: Problem;
  now: number;
  refresh: () => void;
}

function merged(one: AuditEvent[], other: AuditEvent[]): AuditEvent[] {
  const all = new Map([...one, ...other].map((e) => [e.number, e]));
  return [...all.values()].sort((a, b) => b.number - a.number).slice(0, EVENTS_KEPT);
}

export function useLive(onSignedOut: () => void): Live {
  const [status, setStatus] = useState<Status>();
  const [certificates, setCertificates] = useState<Certificate[]>([]);
  const [more, setMore] = useState(false);
  const [events, setEvents] = useState<AuditEvent[]>([]);
  const [connected, setConnected] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [now, setNow] = useState(Date.now());
  const waiting = useRef<number>(undefined);

  const load = useCallback(async () => {
    try {
      const found: Certificate[] = [];
      let after: string | undefined;
      for (let page = 0; page < PAGES_MOST; page++) {
        const list = await api.certificates(after);
        found.push(...list.items);
        after = list.next;
        if (!after) break;
      }
      setStatus(await api.status());
      setCertificates(found);
      setMore(after !== undefined);
      setProblem(undefined);
    } catch (error) {
      const known = error instanceof Problem ? error : new Problem(0, String(error));
      if (known.status === 401) onSignedOut();
      setProblem(known);
    }
  }, [onSignedOut]);

  const refresh = useCallback(() => {
    waiting.current ??= window.setTimeout(() => {
      waiting.current = undefined;
      void load();
    }, 300);
  }, [load]);

  useEffect(() => {
    void load();
    api.newest(EVENTS_KEPT).then(
      (list) => setEvents((old) => merged(old, list.items)),
      () => undefined, // live events go on without those of before
    );
    const clock = window.setInterval(() => setNow(Date.now()), 1000);
    const again = window.setInterval(refresh, 15000);
    const stop = listen((event) => {
      setEvents((old) => merged(old, [event]));
      refresh();
    }, setConnected);
    return () => {
      window.clearInterval(clock);
      window.clearInterval(again);
      window.clearTimeout(waiting.current);
      waiting.current = undefined;
      stop();
    };
  }, [load, refresh]);

  return { status, certificates, more, events, connected, problem, now, refresh };
}
