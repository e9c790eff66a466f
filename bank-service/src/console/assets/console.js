// Adds the session's token to what htmx sends, so that a form's check is the same with and without script.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="form-token"]');
  if (token) event.detail.headers["X-Form-Token"] = token.content;
});
