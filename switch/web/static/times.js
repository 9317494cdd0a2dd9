// Writes times in the viewer's zone, and tells the server which one that is: it cuts days and reads what is typed by it.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = document.cookie.split("; ").find((each) => each.startsWith("zone="));
  const told = `zone=${encodeURIComponent(zone)}`;
  if (known !== told) {
    document.cookie = `${told}; path=/; max-age=31536000; samesite=lax; secure`;
  }
  const two = (number) => String(number).padStart(2, "0");
  const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const show = (element) => {
    const at = new Date(element.dateTime);
    const style = element.dataset.style;
    const text = style === "time" ? time(at) : style === "day" ? day(at) : `${day(at)} ${time(at)}`;
    element.title = `${element.dateTime.replace("T", " ")} (UTC); shown in ${zone}`;
    element.textContent = text;
    element.removeAttribute("data-style");
  };
  const showAll = (root) => root.querySelectorAll("time[data-style]").forEach(show);
  showAll(document);
  document.addEventListener("htmx:load", (event) => showAll(event.detail.elt.parentNode || document));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) window.location.reload();
  });
})();
