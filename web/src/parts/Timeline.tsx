import { ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { type ECharts, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import type { Certificate } from '../api';

use([ScatterChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

/** When renewals come and what they come before: one row a certificate, the soonest at the top. */
export function Timeline({ certificates, now }: { certificates: Certificate[]; now: number }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const rows = certificates
    .filter((c) => c.renewAt ?? c.notAfter)
    .sort((a, b) => (a.renewAt ?? a.notAfter ?? '').localeCompare(b.renewAt ?? b.notAfter ?? ''))
    .slice(0, 12);
  const day = Math.floor(now / 60000); // redraw by the minute, not by the second

  useEffect(() => {
    const made = init(box.current);
    chart.current = made;
    const resize = () => made.resize();
    window.addEventListener('resize', resize);
    return () => {
      window.removeEventListener('resize', resize);
      made.dispose();
    };
  }, []);

  useEffect(() => {
    const point = (at: string | undefined, name: string) => (at ? [[Date.parse(at), name]] : []);
    const series = (name: string, symbol: string, color: string, pick: (c: Certificate) => string | undefined) => ({
      name,
      type: 'scatter' as const,
      symbol,
      symbolSize: 14,
      itemStyle: { color },
      data: rows.flatMap((c) => point(pick(c), c.name)),
    });
    chart.current?.setOption({
      animation: false,
      grid: { left: 12, right: 24, top: 36, bottom: 8, containLabel: true },
      legend: { top: 0, left: 'left' },
      tooltip: { renderMode: 'richText', formatter: (p: { seriesName: string; value: [number, string] }) => `${p.value[1]}: ${p.seriesName.toLowerCase()} ${new Date(p.value[0]).toUTCString()}` },
      xAxis: { type: 'time', min: now },
      yAxis: { type: 'category', inverse: true, data: rows.map((c) => c.name), axisTick: { show: false } },
      series: [
        series('Renewal', 'circle', '#0066cc', (c) => c.renewAt),
        series('Expiry', 'diamond', '#b1380b', (c) => c.notAfter),
      ],
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [JSON.stringify(rows.map((c) => [c.name, c.renewAt, c.notAfter])), day]);

  return <div ref={box} role="img" aria-label="renewals and expiries to come" style={{ height: 80 + 32 * Math.max(rows.length, 2) }} />;
}
