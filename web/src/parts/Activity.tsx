import { Icon, List, ListItem } from '@patternfly/react-core';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import type { AuditEvent } from '../api';
import { eventWords, short } from '../words';
import { When } from './When';

const SHOWN = 12;
const STEPS = ['certificate.reserved', 'certificate.signed']; // on the way to "issued", which says it all

function Mark({ severity }: { severity: AuditEvent['severity'] }) {
  if (severity === 'alarm')
    return (
      <Icon status="danger">
        <ExclamationCircleIcon />
      </Icon>
    );
  if (severity === 'warning')
    return (
      <Icon status="warning">
        <ExclamationTriangleIcon />
      </Icon>
    );
  return null;
}

export function Activity({ events, now }: { events: AuditEvent[]; now: number }) {
  if (events.length === 0) return <p>Nothing has happened yet. This is live: leave it open.</p>;
  return (
    <List isPlain isBordered aria-label="activity">
      {events.filter((e) => !STEPS.includes(e.action)).slice(0, SHOWN).map((e) => (
        <ListItem key={e.number}>
          <div className="reeve-event">
            <span>
              <Mark severity={e.severity} /> {eventWords(e)}
              <span className="reeve-note">
                {' '}
                · {short(e.subject)}
                {e.actor === 'engine' ? '' : ` · by ${e.actor.replace(/^[a-z]+:/, '')}`}
              </span>
            </span>
            <When at={e.at} now={now} />
          </div>
        </ListItem>
      ))}
    </List>
  );
}
