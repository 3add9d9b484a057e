// Light or dark, as the reader's system has it, also when that changes.
import { useEffect, useState } from 'react';

const dark = window.matchMedia?.('(prefers-color-scheme: dark)');

function show() {
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark?.matches ?? false);
}
show();
dark?.addEventListener('change', show);

export function useDark(): boolean {
  const [is, setIs] = useState(dark?.matches ?? false);
  useEffect(() => {
    const change = () => setIs(dark?.matches ?? false);
    dark?.addEventListener('change', change);
    return () => dark?.removeEventListener('change', change);
  }, []);
  return is;
}
