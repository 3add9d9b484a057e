import {
  Alert,
  Button,
  Card,
  CardBody,
  CardTitle,
  CodeBlock,
  CodeBlockCode,
  Content,
  EmptyState,
  EmptyStateBody,
  Grid,
  GridItem,
  Label,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  Page,
  PageSection,
  Title,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { useState } from 'react';
import { Problem, type Session, api } from '../api';
import { useLive } from '../live';
import { Activity } from '../parts/Activity';
import { CertificateTable } from '../parts/CertificateTable';
import { Timeline } from '../parts/Timeline';
import { exact, relative } from '../words';

function Figure({ label, value, note }: { label: string; value: string | number; note?: string }) {
  return (
    <Card isCompact>
      <CardTitle>{label}</CardTitle>
      <CardBody>
        <span className="reeve-figure" data-figure={label}>
          {value}
        </span>
        <span className="reeve-note">{note}</span>
      </CardBody>
    </Card>
  );
}

export function Overview({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  const live = useLive(onSignedOut);
  const [failure, setFailure] = useState<Problem>();
  const { status, certificates, now } = live;
  const mayRenew = session.role === 'admin' || session.role === 'operator';
  const attention = status ? status.counts.degraded + status.counts.needsPerson : 0;
  const underWay = status ? status.counts.renewing + status.counts.progressing + status.counts.waiting : 0;

  const renew = (name: string) => {
    setFailure(undefined);
    api.renew(name, session.csrf).then(live.refresh, (error: unknown) =>
      setFailure(error instanceof Problem ? error : new Problem(0, String(error))),
    );
  };
  const signOut = () => void api.signOut(session.csrf).finally(onSignedOut);

  const masthead = (
    <Masthead>
      <MastheadMain>
        <MastheadBrand>
          <Title headingLevel="h1" size="xl">
            Reeve
          </Title>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isFullHeight isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: 'alignEnd' }} alignItems="center">
              <ToolbarItem>
                <Label isCompact color={live.connected ? 'green' : 'grey'} data-live={live.connected}>
                  {live.connected ? 'live' : 'reconnecting'}
                </Label>
              </ToolbarItem>
              <ToolbarItem>
                {session.name} ({session.role})
              </ToolbarItem>
              <ToolbarItem>
                <Button variant="link" isInline onClick={signOut}>
                  Sign out
                </Button>
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );

  return (
    <Page masthead={masthead}>
      {(live.problem ?? failure) && (
        <PageSection>
          <Alert isInline variant="danger" title={(live.problem ?? failure)!.message}>
            {(live.problem ?? failure)!.hint}
          </Alert>
        </PageSection>
      )}
      <PageSection>
        <div className="reeve-figures">
          <Figure label="Ready" value={status ? status.counts.ready : '…'} note={status ? `of ${status.counts.certificates} certificates are served as declared` : ''} />
          <Figure label="Under way" value={status ? underWay : '…'} note="are changing or waiting" />
          <Figure label="Need attention" value={status ? attention : '…'} note={attention === 0 ? 'nothing does' : 'look below'} />
          <Figure label="Next renewal" value={relative(status?.nextRenewal, now) || '—'} note={status?.nextRenewal ? exact(status.nextRenewal) : 'none is planned'} />
        </div>
      </PageSection>
      <PageSection isFilled>
        <Grid hasGutter>
          <GridItem span={12}>
            <Card>
              <CardTitle>Declared, and served</CardTitle>
              <CardBody>
                {status && certificates.length === 0 ? (
                  <EmptyState titleText="Nothing is declared yet" headingLevel="h4">
                    <EmptyStateBody>
                      Write a Certificate and a Target in YAML. The first command says what would change and changes nothing; the second does it and waits until it is
                      served.
                      <CodeBlock className="reeve-commands">
                        <CodeBlockCode>{'reeve plan -f FILE\nreeve apply -f FILE --wait'}</CodeBlockCode>
                      </CodeBlock>
                    </EmptyStateBody>
                  </EmptyState>
                ) : (
                  <CertificateTable certificates={certificates} now={now} onRenew={mayRenew ? renew : undefined} />
                )}
                {live.more && <Content component="p">There are more: reeve get certificates lists them all.</Content>}
              </CardBody>
            </Card>
          </GridItem>
          <GridItem span={12} lg={7}>
            <Card isFullHeight>
              <CardTitle>What happens next</CardTitle>
              <CardBody>
                <Timeline certificates={certificates} now={now} />
              </CardBody>
            </Card>
          </GridItem>
          <GridItem span={12} lg={5}>
            <Card isFullHeight>
              <CardTitle>What has just happened</CardTitle>
              <CardBody>
                <Activity events={live.events} now={now} />
              </CardBody>
            </Card>
          </GridItem>
        </Grid>
      </PageSection>
      <PageSection>
        <Content component="small">
          Reeve {status?.version} · instance {status?.instance}
        </Content>
      </PageSection>
    </Page>
  );
}
