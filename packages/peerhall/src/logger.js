const LEVELS = ['debug', 'info', 'warn', 'error'];

/** A logger whose levels do the same. */
const like = (log) => Object.freeze(Object.fromEntries(LEVELS.map((level) => [level, log(level)])));

/** Drops every line. */
export const NoopLogger = /* @__PURE__ */ like(() => () => {});

/** Writes to the console. */
export const ConsoleLogger = /* @__PURE__ */ like((level) => (message, context) => {
  if (context === undefined) console[level](message);
  else console[level](message, context);
});
