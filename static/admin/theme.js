// Beside each colour that can be typed, one that can be picked.
(function () {
  'use strict';
  [].forEach.call(document.querySelectorAll('input.colour'), function (typed) {
    var pair = document.createElement('div');
    var picker = document.createElement('input');
    var label = document.querySelector('label[for="' + typed.id + '"]');
    picker.type = 'color';
    picker.setAttribute('aria-label', 'Pick: ' + (label ? label.textContent : typed.id));
    pair.className = 'picked';
    function follow() {
      var short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(typed.value);
      var text = short ? '#' + short[1] + short[1] + short[2] + short[2] + short[3] + short[3] : typed.value;
      picker.value = /^#[0-9a-f]{6}$/i.test(text) ? text : typed.placeholder;
    }
    typed.parentNode.insertBefore(pair, typed);
    pair.appendChild(typed);
    pair.appendChild(picker);
    picker.addEventListener('input', function () { typed.value = picker.value; });
    typed.addEventListener('input', follow);
    follow();
  });
}());
