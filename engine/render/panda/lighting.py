"""Only how light falls on each family of surface: the GLSL bodies of `light()`, run per vertex or per pixel.

Each is given n (normal), v (to the camera), t (strand direction), rough (roughness), key_seen and sky_seen (0..1, how
much of the key light and of the sky reaches the point) and says D and S: colour = albedo * D + S, all linear.
"""

from __future__ import annotations

from avatar_engine.engine.model import MaterialKind

FAMILY: dict[MaterialKind, str] = {
    "skin": "skin",
    "eye": "eye",
    "eye_shade": "shade",
    "lash": "lash",
    "brow": "lash",
    "hair": "hair",
    "hair_cap": "hair",
    "cloth": "cloth",
    "teeth": "wet",
    "gum": "wet",
    "tongue": "wet",
    "glass": "glass",
    "plain": "matt",
}


LIGHT: dict[str, str] = {
    "skin": """
  vec3 l = lights[0].xyz, key = lights[1].rgb, h = normalize(l + v);
  float nl = dot(n, l), nv = max(dot(n, v), 0.02), nh = max(dot(n, h), 0.0), lh = max(dot(l, h), 0.0);
  // Light bleeds under the skin, red furthest: wrapped diffuse, and shadows with red edges.
  vec3 w = vec3(0.38, 0.22, 0.17);
  vec3 q = clamp((nl + w) / (1.0 + w), 0.0, 1.0);
  float s = key_seen;
  vec3 soft = mix(vec3(s), vec3(sqrt(s), s, s * (0.7 + 0.3 * s)), 0.5);
  // What little light reaches creases has passed through skin: occlusion is red, not grey.
  vec3 ao = vec3(mix(sky_seen, sqrt(sky_seen), 0.45), sky_seen, sky_seen * (0.85 + 0.15 * sky_seen));
  D = key * (q * q * (0.55 + 0.45 * q)) * soft + around(n) * ao;
  float r2 = rough * rough;
  float f = 0.028 + 0.972 * fifth(1.0 - lh);
  float shut = smoothstep(0.5, 0.9, sky_seen);  // folds hold no highlights: 0.5 is the least where shapes unfold them
  S = key * (mix(lobe(nh, lh, r2 * 1.25), lobe(nh, lh, r2 * 0.55), 0.25) * 0.78 * f * max(nl, 0.0) * s * shut);
  float edge = fifth(1.0 - nv);
  S += sky.rgb * ((0.010 + 0.16 * edge) * shut);
  for (int i = 1; i < LIGHTS; i++) {
    vec3 k = lights[i * 2].xyz, c = lights[i * 2 + 1].rgb; float kl = dot(n, k);
    vec3 kq = clamp((kl + w) / (1.0 + w), 0.0, 1.0);
    D += c * kq * kq * mix(1.0, sky_seen, 0.7);
    vec3 g = normalize(k + v); float kh = max(dot(k, g), 0.0);
    S += c * (lobe(max(dot(n, g), 0.0), kh, r2) * (0.028 + 0.35 * fifth(1.0 - kh)) * max(kl, 0.0) * shut);
    float rim = 1.0 - nv; rim *= rim; S += c * (rim * rim * max(-dot(k, v), 0.0) * max(kl + 0.15, 0.0) * 0.30 * shut);
  }
""",
    "cloth": """
  vec3 l = lights[0].xyz, key = lights[1].rgb;
  float nl = dot(n, l), edge = 1.0 - max(dot(n, v), 0.0);
  float fuzz = edge * edge * edge * 0.65;
  float bare = sky_seen * sky_seen * sky_seen;  // light from behind does not reach into a collar
  vec3 d = key * (clamp((nl + 0.12) / 1.12, 0.0, 1.0) * key_seen) + around(n) * sky_seen;
  for (int i = 1; i < LIGHTS; i++) {
    float behind = 1.0 + 2.0 * edge * edge * max(-dot(lights[i * 2].xyz, v), 0.0);
    d += lights[i * 2 + 1].rgb * (clamp((dot(n, lights[i * 2].xyz) + 0.15) / 1.15, 0.0, 1.0) * bare * behind);
  }
  D = d * (1.0 + fuzz);
  S = d * (fuzz * 0.035);
""",
    "hair": """
  vec3 l = lights[0].xyz, key = lights[1].rgb;
  D = around(n) * (0.25 + 0.75 * sky_seen); S = vec3(0.0);
  for (int i = 0; i < LIGHTS; i++) {
    vec3 k = lights[i * 2].xyz, c = lights[i * 2 + 1].rgb;
    float open = i == 0 ? 0.25 + 0.75 * key_seen : 0.35 + 0.65 * sky_seen;
    vec3 g = normalize(k + v);
    float kl = dot(n, k), tl = dot(t, k);
    float wrap = clamp((kl + 0.45) / 1.45, 0.0, 1.0) * open;
    // Kajiya-Kay, two lobes: a white one shifted to the root, a coloured one shifted to the tip.
    float h1 = dot(normalize(t + 0.10 * n), g), h2 = dot(normalize(t - 0.16 * n), g);
    float a1 = max(1.0 - h1 * h1, 0.0), a2 = max(1.0 - h2 * h2, 0.0);
    a1 *= a1; a1 *= a1; a1 *= a1; a1 *= a1; a1 *= a1; a1 *= a1; a2 *= a2; a2 *= a2; a2 *= a2; a2 *= a2;
    D += c * (wrap * (0.45 + 0.55 * sqrt(max(1.0 - tl * tl, 0.0))) + a2 * 0.85 * wrap);
    S += c * (a1 * 0.045 * wrap);
    if (i > 0) {  // light from behind shines through the outer strands
      float halo = 1.0 - max(dot(n, v), 0.0); halo *= halo * max(-dot(k, v), 0.0) * wrap;
      D += c * (halo * 2.6); S += c * (halo * 0.05);
    }
  }
""",
    "eye": """
  vec3 l = lights[0].xyz, key = lights[1].rgb, h = normalize(l + v);
  float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 0.02);
  vec3 r = reflect(-v, n);
  // A soft box and a dim room are what makes an eye wet: analytic, no texture.
  float box = smoothstep(0.955, 0.985, dot(r, normalize(l + vec3(0.0, 0.10, 0.30))));
  float second = smoothstep(0.975, 0.995, dot(r, lights[2 * min(1, LIGHTS - 1)].xyz)) * 0.12;
  vec3 room = mix(ground.rgb * 0.2, sky.rgb, smoothstep(-0.1, 0.8, r.y));
  D = key * (nl * 0.55 + 0.20) * key_seen + around(n) * 1.05 * sky_seen;
  for (int i = 1; i < LIGHTS; i++) D += lights[i * 2 + 1].rgb * max(dot(n, lights[i * 2].xyz), 0.0);
  S = room * (0.025 + 0.5 * fifth(1.0 - nv)) * sky_seen + key * (box * 0.62 + second);
""",
    "wet": """
  vec3 l = lights[0].xyz, key = lights[1].rgb, h = normalize(l + v);
  float nl = dot(n, l), lh = max(dot(l, h), 0.0);
  D = key * (clamp((nl + 0.25) / 1.25, 0.0, 1.0) * key_seen) + around(n) * sky_seen;
  for (int i = 1; i < LIGHTS; i++)
    D += lights[i * 2 + 1].rgb * (clamp(dot(n, lights[i * 2].xyz), 0.0, 1.0) * sky_seen);
  S = key * (lobe(max(dot(n, h), 0.0), lh, max(rough * rough, 0.04)) * 0.04 * max(nl, 0.0) * key_seen);
""",
    "matt": """
  vec3 l = lights[0].xyz, key = lights[1].rgb, h = normalize(l + v);
  float nl = dot(n, l), lh = max(dot(l, h), 0.0), nv = max(dot(n, v), 0.02);
  D = key * (max(nl, 0.0) * key_seen) + around(n) * sky_seen;
  S = key * (lobe(max(dot(n, h), 0.0), lh, max(rough * rough, 0.03)) * 0.04 * max(nl, 0.0) * key_seen);
  for (int i = 1; i < LIGHTS; i++) {
    vec3 k = lights[i * 2].xyz, c = lights[i * 2 + 1].rgb, g = normalize(k + v); float kl = max(dot(n, k), 0.0);
    D += c * kl * sky_seen;
    S += c * (lobe(max(dot(n, g), 0.0), max(dot(k, g), 0.0), max(rough * rough, 0.03)) * 0.04 * kl * sky_seen);
  }
  S += sky.rgb * ((0.02 + 0.35 * fifth(1.0 - nv)) * (1.0 - rough) * sky_seen);
""",
    "lash": """
  D = lights[1].rgb * (0.35 * key_seen) + around(n) * 0.6; S = vec3(0.0);
""",
    "glass": """
  vec3 r = reflect(-v, n);
  D = vec3(0.2);
  S = lights[1].rgb * smoothstep(0.95, 0.98, dot(r, lights[0].xyz)) + sky.rgb * 0.25 * smoothstep(0.0, 1.0, r.y);
""",
    "shade": """
  D = vec3(0.5); S = vec3(0.0);
""",
}
