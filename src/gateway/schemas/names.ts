/** Returns a name of the library as the wire has it: `baseURL` becomes `base_url`. */
export const snake = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()

/** Returns a message of the library with its names of options as the wire has them. */
export const snakeTexts = (message: string): string =>
  // A quoted text is a value of the caller, or the name of an agent.
  message.replace(/"[^"]*"|\b[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*|URL)+\b/g, (word) =>
    word.startsWith('"') ? word : snake(word),
  )
