import { Label } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import InProgressIcon from '@patternfly/react-icons/dist/esm/icons/in-progress-icon';
import PauseCircleIcon from '@patternfly/react-icons/dist/esm/icons/pause-circle-icon';
import SyncAltIcon from '@patternfly/react-icons/dist/esm/icons/sync-alt-icon';
import type { ReactNode } from 'react';
import type { State } from '../api';
import { stateWords } from '../words';

type Look = { color: 'green' | 'blue' | 'teal' | 'grey' | 'orange' | 'red'; icon: ReactNode };
const looks: Record<State, Look> = {
  Ready: { color: 'green', icon: <CheckCircleIcon /> },
  Renewing: { color: 'teal', icon: <SyncAltIcon /> },
  Progressing: { color: 'blue', icon: <InProgressIcon /> },
  Waiting: { color: 'grey', icon: <PauseCircleIcon /> },
  Degraded: { color: 'orange', icon: <ExclamationTriangleIcon /> },
  NeedsPerson: { color: 'red', icon: <ExclamationCircleIcon /> },
};

export function StateLabel({ state }: { state: State }) {
  const look = looks[state] ?? looks.Waiting;
  return (
    <Label color={look.color} icon={look.icon} isCompact data-state={state}>
      {stateWords[state] ?? state}
    </Label>
  );
}
