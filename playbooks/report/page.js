(function () {
  "use strict";
  document.documentElement.classList.add("scripted");
  var byId = function (id) { return document.getElementById(id); };

  // All of it is printed, also what is folded on the screen; of the collected answers, which
  // would be hundreds of sheets, those that somebody unfolded.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open]):not(.answer)").forEach(function (d) { opened.push(d); d.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (d) { d.open = false; });
    opened = [];
  });

  // The filter keeps the rows that have all of its words, and whose lane is ticked.
  var filter = byId("filter"), said = byId("filter-said");
  if (filter && said) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("tr[data-lane]"));
    var texts = rows.map(function (r) { return r.textContent.toLowerCase(); });
    var ticks = Array.prototype.slice.call(document.querySelectorAll("input[data-lane]"));
    var timer = 0;
    var apply = function () {
      var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      var off = {};
      ticks.forEach(function (t) { off[t.getAttribute("data-lane")] = !t.checked; });
      var shown = 0;
      rows.forEach(function (r, i) {
        var keep = !off[r.getAttribute("data-lane")] && words.every(function (w) { return texts[i].indexOf(w) >= 0; });
        if (r.hidden === keep) { r.hidden = !keep; }
        if (keep) { shown++; }
      });
      said.textContent = shown + " of " + rows.length + " rows shown";
    };
    var soon = function () { clearTimeout(timer); timer = setTimeout(apply, 80); };
    filter.addEventListener("input", soon);
    filter.addEventListener("keydown", function (e) {
      if (e.key === "Escape" && filter.value !== "") { filter.value = ""; apply(); e.preventDefault(); }
    });
    ticks.forEach(function (t) { t.addEventListener("change", apply); });
    document.addEventListener("keydown", function (e) {
      var at = document.activeElement;
      if (e.key === "/" && !(at && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName))) { filter.focus(); e.preventDefault(); }
    });
  }

  // The picture: bars are drawn anew for each stretch of time, from the finest bins that hold it.
  var source = byId("picture-data"), plot = byId("plot");
  if (!source || !plot) { return; }
  var data = JSON.parse(source.textContent), g = data.g;
  var whole = data.whole, first = whole.from, last = whole.from + whole.step * whole.n;
  if (data.focus) { first = Math.min(first, data.focus.from); last = Math.max(last, data.focus.from + data.focus.step * data.focus.n); }
  var view = { from: data.view.from, to: data.view.to };
  var x = function (t) { return g.left + (t - view.from) / (view.to - view.from) * g.width; };

  var path = function (bins, counts, top, max) {
    var cols = Math.floor(g.width / 3), span = (view.to - view.from) / cols, sums = new Float64Array(cols), out = "";
    var a = Math.max(0, Math.floor((view.from - bins.from) / bins.step)), b = Math.min(counts.length, Math.ceil((view.to - bins.from) / bins.step));
    for (var i = a; i < b; i++) {
      if (!counts[i]) { continue; }
      // A bin that is wider than a column fills all the columns that it lies under.
      var from = bins.from + i * bins.step, c0 = Math.floor((from - view.from) / span), c1 = Math.max(c0, Math.ceil((from + bins.step - view.from) / span) - 1);
      for (var c = Math.max(0, c0); c <= Math.min(cols - 1, c1); c++) { sums[c] = bins.step > span ? Math.max(sums[c], counts[i]) : sums[c] + counts[i]; }
    }
    for (var k = 0; k < cols; k++) {
      if (sums[k] > max.n) { max.n = sums[k]; }
    }
    return function () {
      for (var k = 0; k < cols; k++) {
        if (!sums[k]) { continue; }
        var h = Math.max(2, Math.log1p(sums[k]) / Math.log1p(max.n) * g.tall);
        out += "M" + (g.left + k * 3) + " " + (top + g.tall).toFixed(1) + "v-" + h.toFixed(1) + "h2.6v" + h.toFixed(1) + "z";
      }
      return out;
    };
  };

  var steps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 31536000];
  var two = function (n) { return (n < 10 ? "0" : "") + n; };
  var label = function (t, step) {
    var d = new Date(t), day = d.getUTCFullYear() + "-" + two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate());
    if (step >= 86400) { return day; }
    var clock = two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
    if (step < 60) { clock += ":" + two(d.getUTCSeconds()); }
    return day.slice(5) + " " + clock;
  };
  var svg = "http://www.w3.org/2000/svg";
  var axis = function () {
    var ticks = byId("ticks"), want = (view.to - view.from) / 1000 / 7, step = steps[steps.length - 1];
    for (var i = 0; i < steps.length; i++) { if (steps[i] >= want) { step = steps[i]; break; } }
    while (ticks.firstChild) { ticks.removeChild(ticks.firstChild); }
    for (var t = Math.ceil(view.from / 1000 / step) * step * 1000; t < view.to; t += step * 1000) {
      var line = document.createElementNS(svg, "line"), text = document.createElementNS(svg, "text"), at = x(t).toFixed(1);
      line.setAttribute("x1", at); line.setAttribute("x2", at); line.setAttribute("y1", g.top); line.setAttribute("y2", g.bottom); line.setAttribute("class", "grid");
      text.setAttribute("x", at); text.setAttribute("y", g.bottom + 16); text.setAttribute("class", "small"); text.setAttribute("text-anchor", "middle");
      text.textContent = label(t, step);
      ticks.appendChild(line); ticks.appendChild(text);
    }
  };

  var marks = Array.prototype.slice.call(plot.querySelectorAll("a[data-t]"));
  var said2 = byId("view-said"), brush = byId("brush"), range = byId("range");
  var draw = function () {
    var f = data.focus, bins = f && view.from >= f.from && view.to <= f.from + f.step * f.n ? f : whole, max = { n: 1 };
    var later = bins.lanes.map(function (l, i) { return path(bins, l, g.top + i * g.lane + 8, max); });
    later.forEach(function (make, i) { byId("bar-" + i).setAttribute("d", make()); });
    marks.forEach(function (m) {
      var at = +m.getAttribute("data-t"), out = at < view.from || at > view.to;
      m.setAttribute("transform", "translate(" + (out ? -99 : x(at)).toFixed(1) + " " + m.getAttribute("data-y") + ")");
      m.setAttribute("visibility", out ? "hidden" : "visible");
    });
    // The mark in the tab order is one that can be seen.
    var stop = marks.filter(function (m) { return m.getAttribute("tabindex") === "0"; })[0];
    if (!stop || stop.getAttribute("visibility") === "hidden") {
      var next = marks.filter(function (m) { return m.getAttribute("visibility") !== "hidden"; })[0];
      if (next) { if (stop) { stop.setAttribute("tabindex", "-1"); } next.setAttribute("tabindex", "0"); }
    }
    axis();
    var text = new Date(view.from).toISOString().slice(0, 19) + "Z to " + new Date(view.to).toISOString().slice(0, 19) + "Z";
    if (range) { range.textContent = text; }
    if (brush) {
      var all = last - first || 1;
      brush.setAttribute("x", (g.left + (view.from - first) / all * g.width).toFixed(1));
      brush.setAttribute("width", Math.max(2, (view.to - view.from) / all * g.width).toFixed(1));
    }
    var more = byId("view-events");
    if (more) { more.setAttribute("href", "events?from=" + encodeURIComponent(new Date(view.from).toISOString()) + "&to=" + encodeURIComponent(new Date(view.to).toISOString())); }
    return text;
  };
  var pending = false;
  var show = function (quiet) {
    var span = Math.min(Math.max(view.to - view.from, 2000), last - first);
    view.from = Math.min(Math.max(view.from, first), last - span);
    view.to = view.from + span;
    if (!pending) {
      pending = true;
      requestAnimationFrame(function () { pending = false; var text = draw(); if (!quiet && said2) { said2.textContent = text; } });
    }
  };
  var zoom = function (by, at) {
    var mid = at === undefined ? (view.from + view.to) / 2 : at;
    var from = mid - (mid - view.from) * by, to = mid + (view.to - mid) * by;
    view.from = from; view.to = to; show(at !== undefined);
  };
  var move = function (part) { var d = (view.to - view.from) * part; view.from += d; view.to += d; show(); };
  var all = function () { view.from = first; view.to = last; show(); };
  var incident = function () { view.from = data.view.from; view.to = data.view.to; show(); };
  var does = { "in": function () { zoom(0.5); }, "out": function () { zoom(2); }, "left": function () { move(-0.25); }, "right": function () { move(0.25); }, "all": all, "incident": incident };
  document.querySelectorAll("button[data-does]").forEach(function (b) { b.addEventListener("click", does[b.getAttribute("data-does")]); });

  var keys = { "+": does["in"], "=": does["in"], "-": does.out, "ArrowLeft": does.left, "ArrowRight": does.right, "Home": all, "0": incident };
  plot.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) { return; }
    var on = marks.indexOf(e.target.closest ? e.target.closest("a[data-t]") : null);
    if (on >= 0 && (e.key === "ArrowRight" || e.key === "ArrowLeft")) {
      step(on, e.key === "ArrowRight" ? 1 : -1);
      e.preventDefault();
      return;
    }
    if (keys[e.key]) { keys[e.key](); e.preventDefault(); }
  });
  // One mark is in the tab order; the arrows go from mark to mark.
  var step = function (from, by) {
    var to = from + by;
    if (to < 0 || to >= marks.length) { return; }
    marks[from].setAttribute("tabindex", "-1");
    marks[to].setAttribute("tabindex", "0");
    var at = +marks[to].getAttribute("data-t"), span = view.to - view.from;
    if (at < view.from || at > view.to) { view.from = at - span / 2; view.to = at + span / 2; show(true); draw(); }
    marks[to].focus();
  };
  marks.forEach(function (m, i) { m.setAttribute("tabindex", i === 0 ? "0" : "-1"); });

  var box = function () { return plot.getBoundingClientRect(); };
  var timeAt = function (clientX) { var b = box(); return view.from + ((clientX - b.left) / b.width * g.total - g.left) / g.width * (view.to - view.from); };
  plot.addEventListener("wheel", function (e) {
    if (!e.ctrlKey && !e.shiftKey && document.activeElement !== plot) { return; } // the page scrolls
    zoom(e.deltaY > 0 ? 1.25 : 0.8, timeAt(e.clientX));
    e.preventDefault();
  }, { passive: false });
  var drag = null;
  plot.addEventListener("pointerdown", function (e) {
    if (e.button === 0 && !(e.target.closest && e.target.closest("a"))) { drag = { x: e.clientX, from: view.from, to: view.to }; plot.setPointerCapture(e.pointerId); }
  });
  plot.addEventListener("pointermove", function (e) {
    if (!drag) { return; }
    var d = (drag.x - e.clientX) / box().width * g.total / g.width * (drag.to - drag.from);
    view.from = drag.from + d; view.to = drag.to + d; show(true);
  });
  ["pointerup", "pointercancel"].forEach(function (n) { plot.addEventListener(n, function () { drag = null; }); });
  plot.addEventListener("dblclick", function (e) { zoom(0.4, timeAt(e.clientX)); });
  draw();
})();
