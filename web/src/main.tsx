import '@patternfly/react-core/dist/styles/base.css';
import { createRoot } from 'react-dom/client';
import { Page, PageSection, Title } from '@patternfly/react-core';

createRoot(document.getElementById('root')!).render(
  <Page>
    <PageSection>
      <Title headingLevel="h1">Reeve</Title>
    </PageSection>
  </Page>,
);
