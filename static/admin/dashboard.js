// Keeps the dashboard up to date. The page is right as it was loaded; this only asks for its moving parts again.
(function () {
  'use strict';
  var root = document.getElementById('dashboard');
  var pause = document.getElementById('live-pause');
  if (!root || !window.fetch || !window.DOMParser) { return; }
  var query = root.getAttribute('data-query') || '';
  var isHour = query.indexOf('span=hour') === 0;
  var paused = false;
  var asking = false;
  var turns = 0;
  var EVERY = 5000;
  // Plots of a day and more hardly move.
  var PLOTS_EVERY = isHour ? 2 : 12;

  function replace(fresh) {
    [].forEach.call(document.querySelectorAll('[data-live]'), function (old) {
      var now = fresh.getElementById(old.id);
      if (!now || old.outerHTML === now.outerHTML) { return; }
      // Never take away what somebody is at.
      if (old.contains(document.activeElement) && document.activeElement !== document.body) { return; }
      var across = old.querySelector('.scroll');
      var left = across ? across.scrollLeft : 0;
      var taken = document.importNode(now, true);
      old.parentNode.replaceChild(taken, old);
      across = taken.querySelector('.scroll');
      if (across) { across.scrollLeft = left; }
    });
  }

  function ask() {
    if (paused || asking || document.hidden) { return; }
    asking = true;
    turns += 1;
    var plots = turns % PLOTS_EVERY === 0 ? '1' : '0';
    fetch('/admin/dashboard/live?' + query + '&plots=' + plots, {
      credentials: 'same-origin', redirect: 'manual', cache: 'no-store', headers: { 'x-turnpike-live': '1' }
    })
      .then(function (answer) {
        // Signed out meanwhile: the page itself leads to where one signs in.
        if (answer.type === 'opaqueredirect') { window.location.reload(); return null; }
        return answer.ok ? answer.text() : null;
      })
      .then(function (text) {
        if (text && !paused) { replace(new DOMParser().parseFromString(text, 'text/html')); }
      })
      .catch(function () { /* The box is away for a moment: the next turn asks again. */ })
      .then(function () { asking = false; });
  }

  if (pause) {
    pause.hidden = false;
    pause.addEventListener('click', function () {
      paused = !paused;
      pause.textContent = paused ? 'Go on' : 'Pause';
      if (!paused) { ask(); }
    });
  }
  document.addEventListener('visibilitychange', ask);
  window.setInterval(ask, EVERY);
})();
