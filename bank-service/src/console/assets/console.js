// Adds the session's token to what htmx sends, so that a form's check is the same with and without script.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="form-token"]');
  if (token) event.detail.headers["X-Form-Token"] = token.content;
});

// Over HTTP/1.1 a browser has six connections to a server for all its tabs, and a stream keeps one: a tab that is not seen closes its
// stream. Seen again, it connects as after a lost connection, and the stream begins with the list as it is then.
let stream;
htmx.createEventSource = (url) => {
  stream = new EventSource(url);
  if (document.hidden) stream.close();
  return stream;
};
document.addEventListener("visibilitychange", () => {
  if (!stream) return;
  if (document.hidden) stream.close();
  else if (stream.readyState === EventSource.CLOSED) stream.onerror(new Event("error"));
});
