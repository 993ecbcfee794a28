// The few things of Preact and htm that the page uses, from one place.
export {
  html, render, useCallback, useEffect, useMemo, useRef, useState,
} from "/static/vendor/preact-htm/standalone.module.js";
