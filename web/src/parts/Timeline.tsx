import { LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { type ECharts, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import type { Certificate } from '../api';
import { useDark } from '../theme';

use([LineChart, ScatterChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const DAY = 86400000;

/** When renewals come and what they come before: one row a certificate, the soonest at the top, today at the left. The
 *  bar between renewal and expiry is the time there is to get it right. */
export function Timeline({ certificates, now }: { certificates: Certificate[]; now: number }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const dark = useDark();
  const rows = certificates
    .filter((c) => c.renewAt ?? c.notAfter)
    .sort((a, b) => (a.renewAt ?? a.notAfter ?? '').localeCompare(b.renewAt ?? b.notAfter ?? ''))
    .slice(0, 12);
  const minute = Math.floor(now / 60000); // redraw by the minute, not by the second

  useEffect(() => {
    const made = init(box.current);
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(box.current!);
    return () => {
      watch.disconnect();
      made.dispose();
    };
  }, []);

  useEffect(() => {
    const colors = dark ? { text: '#c7c7c7', line: '#4d4d4d', renewal: '#92c5f9', expiry: '#f4784a' } : { text: '#4d4d4d', line: '#d2d2d2', renewal: '#0066cc', expiry: '#b1380b' };
    const begin = minute * 60000;
    const ends = rows.flatMap((c) => [c.renewAt, c.notAfter]).map((at) => (at ? Date.parse(at) : 0));
    const end = Math.max(begin + 7 * DAY, ...ends);
    const day = (at: number) => new Date(at).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: end - begin > 300 * DAY ? '2-digit' : undefined });
    const points = (name: string, symbol: string, color: string, pick: (c: Certificate) => string | undefined) => ({
      name,
      type: 'scatter' as const,
      symbol,
      symbolSize: 12,
      itemStyle: { color },
      z: 3,
      data: rows.flatMap((c) => (pick(c) ? [[Math.max(Date.parse(pick(c)!), begin), c.name]] : [])),
    });
    const bars = rows.flatMap((c) =>
      c.renewAt && c.notAfter ? [[Math.max(Date.parse(c.renewAt), begin), c.name], [Math.max(Date.parse(c.notAfter), begin), c.name], ['-', c.name]] : [],
    );
    chart.current?.setOption(
      {
        animation: false,
        grid: { left: 4, right: 24, top: 32, bottom: 4, containLabel: true },
        legend: { top: 0, left: 'left', data: ['Renewal', 'Expiry'], textStyle: { color: colors.text } },
        tooltip: {
          renderMode: 'richText',
          formatter: (p: { seriesName: string; value: [number, string] }) => `${p.value[1]}: ${p.seriesName.toLowerCase()} ${new Date(p.value[0]).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}`,
        },
        xAxis: {
          type: 'value',
          min: begin,
          max: end + (end - begin) / 40,
          interval: (end - begin) / 4,
          axisLabel: { color: colors.text, hideOverlap: true, showMaxLabel: false, formatter: (at: number) => (at - begin < DAY / 2 ? 'today' : day(at)) },
          axisLine: { show: true, lineStyle: { color: colors.line } },
          splitLine: { lineStyle: { color: colors.line, type: 'dashed' } },
        },
        yAxis: {
          type: 'category',
          inverse: true,
          data: rows.map((c) => c.name),
          axisTick: { show: false },
          axisLine: { lineStyle: { color: colors.line } },
          axisLabel: { color: colors.text, width: 140, overflow: 'truncate' },
        },
        series: [
          { name: 'between', type: 'line', data: bars, symbol: 'none', silent: true, connectNulls: false, lineStyle: { width: 8, color: colors.renewal, opacity: 0.35, cap: 'round' } },
          points('Renewal', 'circle', colors.renewal, (c) => c.renewAt),
          points('Expiry', 'diamond', colors.expiry, (c) => c.notAfter),
        ],
      },
      true,
    );
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [JSON.stringify(rows.map((c) => [c.name, c.renewAt, c.notAfter])), minute, dark]);

  return (
    <>
      {rows.length === 0 && <p>No certificate is known yet.</p>}
      <div ref={box} role="img" aria-label="renewals and expiries to come" hidden={rows.length === 0} style={{ height: 72 + 36 * Math.max(rows.length, 1) }} />
    </>
  );
}
