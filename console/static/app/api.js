// Questions to the server, and what people want done. Every fault comes back as a sentence.
export const me = { token: "", name: "", role: "", site: "", time_zone: "UTC", shelve_max_h: 24 };

export class Fault extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

async function answer(response) {
  let document = {};
  try {
    document = await response.json();
  } catch {
    // Cut off while it came, by us or by the network: half an answer is none. A refusal without words has its number.
    if (response.ok) throw new Fault(0, "the answer was cut off");
  }
  if (!response.ok) {
    if (response.status === 401) window.dispatchEvent(new Event("andon-signed-out"));
    throw new Fault(response.status, document.fault ?? document.why ?? `the server answered ${response.status}`);
  }
  return document;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Fault(0, "the server can't be reached");
  }
  return answer(response);
}

export function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams(parameters).toString();
  return ask(query ? `${path}?${query}` : path, { signal });
}

export function post(path, document) {
  return ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-andon-token": me.token },
    body: JSON.stringify(document),
  });
}
