"""Only GLSL: one program per kind of material and quality, put together without run-time branches."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Program:
    """What a program is specialised for.

    influences: bones per vertex (0: one bone for all); bones: palette length; lights: how many;
    per_pixel: light every pixel, else every vertex (dense meshes on software renderers);
    shadow: taps a side of the live key shadow, 0: the baked one; shadow_texel: size of one texel of it;
    cutout: "" none, "test" discard, "coverage" multisample coverage, "core" the solid part
    of strands, "fringe" what the core left out, blended.
    """

    kind: MaterialKind
    influences: int
    bones: int
    lights: int
    textured: bool
    coloured: bool
    tangents: bool
    two_sided: bool
    per_pixel: bool
    cutout: str
    shadow: int = 0
    shadow_texel: float = 0.0
    unlit: bool = False


VERTEX_HEAD = """
in vec3 p3d_Vertex; in vec3 p3d_Normal; in vec2 p3d_MultiTexCoord0; in vec2 seen;
#if INFLUENCES
in vec4 bone_index; in vec4 bone_weight;
#endif
#ifdef COLOURED
in vec4 tint;
#endif
#ifdef TANGENTS
in vec3 strand;
#endif
uniform vec4 bones[BONES * 3];
uniform mat4 view_projection;
out vec2 uv;
#ifdef PER_PIXEL
out vec3 N; out vec3 V; out vec2 open;
#ifdef TANGENTS
out vec3 T;
#endif
#else
out vec3 diffuse; out vec3 gloss;
#endif
#ifdef COLOURED
out vec4 colour;
#endif
#if SHADOW
uniform mat4 shadow_matrix; out vec3 shade_at;
#endif
"""

ROWS = """
#if INFLUENCES
vec4 row(int k) {
  ivec4 b = ivec4(bone_index) * 3 + k;
  vec4 r = bones[b.x] * bone_weight.x;
#if INFLUENCES > 1
  r += bones[b.y] * bone_weight.y;
#endif
#if INFLUENCES > 2
  r += bones[b.z] * bone_weight.z;
#endif
#if INFLUENCES > 3
  r += bones[b.w] * bone_weight.w;
#endif
  return r;
}
#else
vec4 row(int k) { return bones[int(part.z) * 3 + k]; }
#endif
"""

VERTEX_MAIN = """
void main() {
  vec4 a = row(0), b = row(1), c = row(2);
  vec4 p = vec4(p3d_Vertex, 1.0);
  vec3 P = vec3(dot(a, p), dot(b, p), dot(c, p));
  vec3 n = vec3(dot(a.xyz, p3d_Normal), dot(b.xyz, p3d_Normal), dot(c.xyz, p3d_Normal));
  gl_Position = view_projection * vec4(P, 1.0);
  gl_Position.z -= part.w * gl_Position.w;
  uv = p3d_MultiTexCoord0;
#ifdef COLOURED
  colour = tint;
#endif
#ifdef TANGENTS
  vec3 t = vec3(dot(a.xyz, strand), dot(b.xyz, strand), dot(c.xyz, strand));
#else
  vec3 t = vec3(0.0, -1.0, 0.0);
#endif
#if SHADOW
  shade_at = (shadow_matrix * vec4(P + normalize(n) * 0.0015, 1.0)).xyz;
#endif
#ifdef PER_PIXEL
  N = n; V = camera.xyz - P; open = seen;
#ifdef TANGENTS
  T = t;
#endif
#else
  vec3 v = normalize(camera.xyz - P);
  n = normalize(n);
#ifdef TWO_SIDED
  n = dot(n, v) < 0.0 ? n - 2.0 * v * dot(n, v) : n;
#endif
  light(n, v, normalize(t), seen.x, seen.y, diffuse, gloss);
#endif
}
"""

SHARED_HEAD = """
uniform vec4 part;  // roughness, alpha cut-off, bone, depth bias
uniform vec4 lights[LIGHTS * 2]; uniform vec4 sky; uniform vec4 ground; uniform vec4 camera;
float fifth(float x) { float y = x * x; return y * y * x; }
float lobe(float nh, float lh, float a) {  // GGX with the cheap visibility term of mobile renderers
  float a2 = a * a; float d = nh * nh * (a2 - 1.0) + 1.0;
  return a2 / (max(lh * lh, 0.12) * (a + 0.5) * 4.0 * d * d);
}
vec3 around(vec3 n) { return mix(ground.rgb, sky.rgb, n.y * 0.5 + 0.5); }
"""

# D multiplies the surface's colour, S is added: c = albedo * D + S. `key_seen` and `sky_seen` are 0..1.
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
  float r2 = part.x * part.x;
  float f = 0.028 + 0.972 * fifth(1.0 - lh);
  float shut = sky_seen * sky_seen;  // folds hold no highlights
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
  vec3 d = key * (clamp((nl + 0.12) / 1.12, 0.0, 1.0) * key_seen) + around(n) * sky_seen;
  for (int i = 1; i < LIGHTS; i++) {
    float behind = 1.0 + 2.0 * edge * edge * max(-dot(lights[i * 2].xyz, v), 0.0);
    d += lights[i * 2 + 1].rgb * (clamp((dot(n, lights[i * 2].xyz) + 0.15) / 1.15, 0.0, 1.0) * sky_seen * behind);
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
  S = key * (lobe(max(dot(n, h), 0.0), lh, max(part.x * part.x, 0.04)) * 0.04 * max(nl, 0.0) * key_seen);
""",
    "matt": """
  vec3 l = lights[0].xyz, key = lights[1].rgb, h = normalize(l + v);
  float nl = dot(n, l), lh = max(dot(l, h), 0.0), nv = max(dot(n, v), 0.02);
  D = key * (max(nl, 0.0) * key_seen) + around(n) * sky_seen;
  S = key * (lobe(max(dot(n, h), 0.0), lh, max(part.x * part.x, 0.03)) * 0.04 * max(nl, 0.0) * key_seen);
  for (int i = 1; i < LIGHTS; i++) {
    vec3 k = lights[i * 2].xyz, c = lights[i * 2 + 1].rgb, g = normalize(k + v); float kl = max(dot(n, k), 0.0);
    D += c * kl * sky_seen;
    S += c * (lobe(max(dot(n, g), 0.0), max(dot(k, g), 0.0), max(part.x * part.x, 0.03)) * 0.04 * kl * sky_seen);
  }
  S += sky.rgb * ((0.02 + 0.35 * fifth(1.0 - nv)) * (1.0 - part.x) * sky_seen);
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

FRAGMENT_HEAD = """
uniform sampler2D tex; uniform vec4 base; uniform vec4 emissive;
in vec2 uv;
#ifdef PER_PIXEL
in vec3 N; in vec3 V; in vec2 open;
#ifdef TANGENTS
in vec3 T;
#endif
#else
in vec3 diffuse; in vec3 gloss;
#endif
#ifdef COLOURED
in vec4 colour;
#endif
layout(location = 0) out vec4 pixel;
// sRGB to linear: cubic fit, error below 0.0013 over 0..1
vec3 lin(vec3 c) { return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878); }
// Filmic curve and display encoding in one rational function of sqrt(x), see TONE
vec3 tone(vec3 c) {
  vec3 s = sqrt(max(c, 0.0));
  return (s * (s * TONE_A + TONE_B) + TONE_C) / (s * (s * TONE_D + TONE_E) + 1.0);
}
#if SHADOW
uniform sampler2DShadow shadow_map; in vec3 shade_at;
float lit() {
  float r = 0.0;
  for (int i = 0; i < SHADOW; i++)
    for (int j = 0; j < SHADOW; j++)
      r += texture(shadow_map, shade_at + vec3((vec2(i, j) - 0.5 * float(SHADOW - 1)) * SHADOW_STEP, 0.0));
  return r * (1.0 / float(SHADOW * SHADOW));
}
#endif
"""

FRAGMENT_MAIN = """
void main() {
  vec4 t = vec4(1.0);
#ifdef TEXTURED
  t = texture(tex, uv);
#endif
  float alpha = t.a * base.a;
  vec3 albedo = lin(t.rgb) * base.rgb;
#ifdef COLOURED
  albedo *= colour.rgb; alpha *= colour.a;
#endif
#ifdef LASHES
  alpha = min(alpha * 1.9, 1.0);  // strands thinner than a pixel would fade away
#endif
#ifdef CUT_TEST
  if (alpha < part.y) discard;
#endif
#ifdef CUT_CORE
  if (alpha < 0.7) discard;
#endif
#ifdef CUT_FRINGE
  if (alpha < 0.03) discard;
#endif
#ifdef CUT_COVERAGE
  // Sharpened around the cut-off, so that coverage changes over about one pixel.
  alpha = clamp((alpha - part.y) / max(fwidth(alpha), 0.04) + 0.5, 0.0, 1.0);
  if (alpha < 0.02) discard;
#endif
#ifdef UNLIT
  pixel = vec4(tone(albedo + emissive.rgb), alpha);
#else
#ifdef PER_PIXEL
  vec3 n = normalize(N), v = normalize(V), diffuse, gloss;
#ifdef TANGENTS
  vec3 strand = normalize(T);
#else
  vec3 strand = vec3(0.0, -1.0, 0.0);
#endif
#ifdef TWO_SIDED
  n = dot(n, v) < 0.0 ? n - 2.0 * v * dot(n, v) : n;
#endif
  float key_seen = open.x;
#if SHADOW
  key_seen = lit();
#endif
  light(n, v, strand, key_seen, open.y, diffuse, gloss);
#endif
  pixel = vec4(tone(albedo * diffuse + gloss + emissive.rgb), alpha);
#endif
}
"""

TONE = {
    "TONE_A": "5.65795526",
    "TONE_B": "-0.0612495125",
    "TONE_C": "-0.00110092537",
    "TONE_D": "5.72545418",
    "TONE_E": "-0.575087266",
}
"""Least-squares fit of sRGB(ACES(x)) (Narkowicz 2015) over sqrt(x), x in 0..8; largest error 0.0041."""


def sources(program: Program) -> tuple[str, str]:
    """Vertex and fragment source."""
    family = FAMILY[program.kind]
    if family == "hair" and not program.tangents:
        family = "matt"
    values = {
        "INFLUENCES": str(program.influences),
        "BONES": str(max(program.bones, 1)),
        "LIGHTS": str(max(program.lights, 1)),
        "SHADOW": str(program.shadow),
        "SHADOW_STEP": f"{program.shadow_texel * 2.4:.8f}",
        **TONE,
    }
    switches = {
        "TEXTURED": program.textured,
        "COLOURED": program.coloured,
        "TANGENTS": program.tangents,
        "TWO_SIDED": program.two_sided,
        "PER_PIXEL": program.per_pixel,
        "UNLIT": program.unlit,
        "LASHES": program.kind == "lash",
        f"CUT_{program.cutout.upper()}": bool(program.cutout),
    }
    head = "#version 330\n" + "".join(f"#define {name} {value}\n" for name, value in values.items())
    head += "".join(f"#define {name}\n" for name, on in switches.items() if on) + SHARED_HEAD
    light = "void light(vec3 n, vec3 v, vec3 t, float key_seen, float sky_seen, out vec3 D, out vec3 S) {"
    light += LIGHT[family] + "}\n"
    vertex_light = "" if program.per_pixel else light
    fragment_light = light if program.per_pixel else ""
    vertex = head + VERTEX_HEAD + ROWS + vertex_light + VERTEX_MAIN
    return vertex, head + FRAGMENT_HEAD + fragment_light + FRAGMENT_MAIN


def shadow_sources(influences: int, bones: int, cut: bool) -> tuple[str, str]:
    """Vertex and fragment source of a caster in the live shadow map."""
    head = f"#version 330\n#define INFLUENCES {influences}\n#define BONES {max(bones, 1)}\n"
    head += "uniform vec4 part;\n" + ("#define CUT\n" if cut else "")
    return head + CASTER_VERTEX_HEAD + ROWS + CASTER_VERTEX, head + CASTER_FRAGMENT


BACKDROP_VERTEX = """#version 330
in vec4 p3d_Vertex;
void main() { gl_Position = vec4(p3d_Vertex.xy, 0.99999, 1.0); }
"""
BACKDROP_FRAGMENT = """#version 330
uniform sampler2D tex;
layout(location = 0) out vec4 pixel;
void main() { pixel = texelFetch(tex, ivec2(gl_FragCoord.xy), 0); }
"""

BADGE_VERTEX = """#version 330
in vec4 p3d_Vertex;
void main() { gl_Position = vec4(p3d_Vertex.x, p3d_Vertex.z, 0.0, 1.0); }
"""
BADGE_FRAGMENT = """#version 330
uniform sampler2D tex; uniform vec4 corner;
layout(location = 0) out vec4 pixel;
void main() { pixel = texelFetch(tex, ivec2(gl_FragCoord.xy - corner.xy), 0); }
"""

CASTER_VERTEX_HEAD = """
in vec3 p3d_Vertex; in vec2 p3d_MultiTexCoord0;
#if INFLUENCES
in vec4 bone_index; in vec4 bone_weight;
#endif
uniform vec4 bones[BONES * 3]; uniform mat4 light_matrix;
out vec2 uv;
"""
CASTER_VERTEX = """
void main() {
  vec4 p = vec4(p3d_Vertex, 1.0);
  uv = p3d_MultiTexCoord0;
  gl_Position = light_matrix * vec4(dot(row(0), p), dot(row(1), p), dot(row(2), p), 1.0);
}
"""
CASTER_FRAGMENT = """
uniform sampler2D tex;
in vec2 uv;
layout(location = 0) out vec4 pixel;
void main() {
#ifdef CUT
  if (texture(tex, uv).a < part.y) discard;
#endif
  pixel = vec4(1.0);
}
"""

DEPTH_VERTEX = """#version 330
in vec3 p3d_Vertex; in vec2 p3d_MultiTexCoord0;
uniform mat4 light_matrix;
out vec2 uv;
void main() { uv = p3d_MultiTexCoord0; gl_Position = light_matrix * vec4(p3d_Vertex, 1.0); }
"""
DEPTH_FRAGMENT = """#version 330
uniform sampler2D tex; uniform float cutoff;
in vec2 uv;
layout(location = 0) out vec4 pixel;
void main() {
  if (texture(tex, uv).a < cutoff) discard;
  float z = min(gl_FragCoord.z, 0.999999) * 255.0;  // three digits of base 255
  float r = floor(z), g = floor((z - r) * 255.0);
  pixel = vec4(r / 255.0, g / 255.0, fract((z - r) * 255.0), 1.0);
}
"""
