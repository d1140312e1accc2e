/** As much XML as S3 needs. */

/** A name, and text or what is within. */
export type Element = readonly [name: string, content: string | readonly Element[]];

/** A document. */
export function written(name: string, content: readonly Element[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${elementOf([name, content])}`;
}

/** What is within each element of a name. */
export function elementsOf(text: string, name: string): readonly string[] {
  const found = text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"));
  return [...found].map(([, content = ""]) =>
    content.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
  );
}

function elementOf([name, content]: Element): string {
  return `<${name}>${typeof content === "string" ? escaped(content) : content.map(elementOf).join("")}</${name}>`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\0-\x1f]/g, (control) => `&#${control.charCodeAt(0)};`);
}
