// Live numbers. Everything on the page works without this.
(function () {
  'use strict';
  var card = document.querySelector('[data-fingerprint]');
  if (!card) { return; }
  var source = null;

  function holds(field) {
    return field.type === 'checkbox' ? field.checked : field.value !== '';
  }

  function tell(text) {
    var notice = document.getElementById('notice');
    if (notice.textContent !== text) { notice.textContent = text; }
    notice.hidden = false;
  }

  function reload(heading) {
    // Never take away what somebody is typing, or was just told.
    if (!card.querySelector('.trouble') && ![].some.call(card.querySelectorAll('input, select'), holds)) {
      window.location.replace(card.getAttribute('data-home'));
    } else if (heading && heading !== card.querySelector('h1').textContent) {
      tell(heading);
    }
  }

  function say(id, text) {
    var place = document.getElementById(id);
    if (place && typeof text === 'string' && place.textContent !== text) { place.textContent = text; }
  }

  function maybe(id, text) {
    var place = document.getElementById(id);
    if (place) { say(id, text || ''); place.hidden = !text; }
  }

  function show(name, text, percent) {
    var number = document.getElementById(name + '-left');
    var bar = document.getElementById(name + '-bar');
    if (number && text !== null) { number.textContent = text; }
    if (bar && percent !== null) { bar.value = percent; }
  }

  function open() {
    if (source || document.hidden) { return; }
    source = new EventSource('/events?lang=' + document.documentElement.lang);
    source.addEventListener('status', function (event) {
      var now = JSON.parse(event.data);
      say('waiting-text', now.waiting_text);
      say('waiting-left', now.waiting_left);
      if (now.fingerprint !== card.getAttribute('data-fingerprint')) { reload(now.heading); return; }
      maybe('soon', now.soon);
      maybe('validity', now.validity);
      show('time', now.time_left, now.time_percent);
      show('data', now.data_left, now.data_percent);
    });
    source.addEventListener('notice', function (event) {
      tell(JSON.parse(event.data));
    });
    // Another page of this device took over: wait until somebody looks at this one again.
    source.addEventListener('bye', close);
    source.onerror = function () {
      if (source && source.readyState === EventSource.CLOSED) { close(); window.setTimeout(open, 30000); }
    };
  }

  function close() {
    if (source) { source.close(); source = null; }
  }

  if (!window.EventSource) { window.setInterval(function () { reload(); }, 30000); return; }
  document.addEventListener('visibilitychange', function () { if (document.hidden) { close(); } else { open(); } });
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', open);
  open();
}());
