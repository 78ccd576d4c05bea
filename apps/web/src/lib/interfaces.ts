/** `wan=203.0.113.1/24 lan=192.168.1.1/24` → its parts. */
export const interfacesOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** The names of the interfaces, each once, in their order. */
export const interfaceNames = (text: string): string[] => [
  ...new Set(interfacesOf(text).map((part) => part.replace(/=.*/, ""))),
];
