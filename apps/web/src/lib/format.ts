/** Nanoseconds as seconds with six digits. */
export function seconds(nanoseconds: number, digits = 6): string {
  return (nanoseconds / 1e9).toFixed(digits);
}

/** 1234567 → "1.2 MB" */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Seconds as a person says them: "4 d 23 h", "1 min 59 s", "9.8 s". */
export function span(total: number): string {
  if (total < 60) return `${total.toFixed(total < 10 ? 1 : 0)} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${Math.floor(total % 60)} s`;
  if (total < 86_400) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
  return `${Math.floor(total / 86_400)} d ${Math.floor((total % 86_400) / 3600)} h`;
}
