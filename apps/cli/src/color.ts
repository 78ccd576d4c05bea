// Colours: only for people, and only when they want them (https://no-color.org, https://force-color.org).
import pc from "picocolors";

export type ColorMode = "auto" | "always" | "never";
export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(mode: ColorMode, stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colors {
  return pc.createColors(mode === "auto" ? wanted(stream, env) : mode === "always");
}

function wanted(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}
