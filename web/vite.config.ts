import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The pages are embedded in reeved and served under a strict Content-Security-Policy: no inline script or style, and
// nothing from anywhere else. Fonts and images stay files; nothing becomes a data: URL but small images.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: process.env.REEVE_WEB_OUT ?? 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/api': { target: process.env.REEVE_SERVER ?? 'https://127.0.0.1:8443', secure: false } } },
  test: { environment: 'jsdom' },
});
