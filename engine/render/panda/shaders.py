"""Only GLSL: one program per kind of material, quality and bone count, put together without run-time branches."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_engine.engine.model import MaterialKind


@dataclass(frozen=True, slots=True)
class Program:
    """What a program is specialised for.

    influences: bones per vertex (0: one bone for all vertices); bones: palette length; shadow: taps of the key
    shadow (0 none, 1 four-texel, 9, 25); rich: terms that only GPUs and `high` can afford.
    """

    kind: MaterialKind
    influences: int
    bones: int
    textured: bool
    coloured: bool
    tangents: bool
    cutout: bool
    coverage: bool
    shadow: int
    rich: bool
    unlit: bool = False


VERTEX = """
in vec3 p3d_Vertex; in vec3 p3d_Normal; in vec2 p3d_MultiTexCoord0;
#if INFLUENCES
in vec4 bone_index; in vec4 bone_weight;
#endif
#ifdef COLOURED
in vec4 tint; out vec4 colour;
#endif
#ifdef TANGENTS
in vec3 strand; out vec3 T;
#endif
uniform vec4 bones[BONES * 3];
uniform mat4 view_projection;
uniform vec4 lights[LIGHTS * 2];
uniform vec4 sky; uniform vec4 ground; uniform vec4 camera;
uniform vec4 part;
out vec3 N; out vec3 V; out vec3 amb; out vec2 uv;
#if SHADOW
uniform mat4 shadow_matrix; out vec3 shade_at;
#endif
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
void main() {
  vec4 a = row(0), b = row(1), c = row(2);
  vec4 p = vec4(p3d_Vertex, 1.0);
  vec3 P = vec3(dot(a, p), dot(b, p), dot(c, p));
  N = vec3(dot(a.xyz, p3d_Normal), dot(b.xyz, p3d_Normal), dot(c.xyz, p3d_Normal));
  gl_Position = view_projection * vec4(P, 1.0);
  V = camera.xyz - P;
  uv = p3d_MultiTexCoord0;
#ifdef COLOURED
  colour = tint;
#endif
#ifdef TANGENTS
  T = vec3(dot(a.xyz, strand), dot(b.xyz, strand), dot(c.xyz, strand));
#endif
#if SHADOW
  shade_at = (shadow_matrix * vec4(P, 1.0)).xyz;
#endif
  vec3 n = normalize(N);
  amb = mix(ground.rgb, sky.rgb, n.y * 0.5 + 0.5);
  // Lights after the key are soft and far: their diffuse part is smooth enough for vertices.
  for (int i = 1; i < LIGHTS; i++) {
    float w = clamp((dot(n, lights[i * 2].xyz) + FILL_WRAP) / (1.0 + FILL_WRAP), 0.0, 1.0);
    amb += lights[i * 2 + 1].rgb * w * w;
  }
}
"""

FRAGMENT_HEAD = """
uniform sampler2D tex; uniform vec4 base; uniform vec4 part; uniform vec4 emissive;
uniform vec4 lights[LIGHTS * 2]; uniform vec4 sky; uniform vec4 camera;
in vec3 N; in vec3 V; in vec3 amb; in vec2 uv;
#ifdef COLOURED
in vec4 colour;
#endif
#ifdef TANGENTS
in vec3 T;
#endif
layout(location = 0) out vec4 pixel;
// sRGB to linear: cubic fit, error below 0.0013 over 0..1
vec3 lin(vec3 c) { return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878); }
// Filmic curve and display encoding in one: rational fit over sqrt(x), see TONE
vec3 tone(vec3 c) { vec3 s = sqrt(max(c, 0.0)); return clamp((s * (s * TONE_A + TONE_B) + TONE_C) / (s * (s * TONE_D + TONE_E) + 1.0), 0.0, 1.0); }
#if SHADOW
uniform sampler2DShadow shadow_map; in vec3 shade_at;
float lit() {
#if SHADOW == 1
  return texture(shadow_map, shade_at);
#else
  float r = 0.0;
  for (int i = -SHADOW_REACH; i <= SHADOW_REACH; i++)
    for (int j = -SHADOW_REACH; j <= SHADOW_REACH; j++)
      r += texture(shadow_map, shade_at + vec3(vec2(i, j) * SHADOW_STEP, 0.0));
  return r * (1.0 / float((2 * SHADOW_REACH + 1) * (2 * SHADOW_REACH + 1)));
#endif
}
#else
float lit() { return 1.0; }
#endif
float lobe(float nh, float lh, float a) { // GGX with the cheap visibility of mobile renderers
  float a2 = a * a; float d = nh * nh * (a2 - 1.0) + 1.0;
  return a2 / (max(lh * lh, 0.12) * (a + 0.5) * 4.0 * d * d);
}
float fifth(float x) { float y = x * x; return y * y * x; }
"""

MAIN_OPEN = """
void main() {
  vec4 t = vec4(1.0);
#ifdef TEXTURED
  t = texture(tex, uv);
#endif
  float alpha = t.a * base.a;
  vec3 alb = lin(t.rgb) * base.rgb;
#ifdef COLOURED
  alb *= colour.rgb; alpha *= colour.a;
#endif
#ifdef CUTOUT
#ifdef COVERAGE
  // Sharpened around the cut-off, so that coverage changes over about one pixel.
  alpha = clamp((alpha - part.y) / max(fwidth(alpha), 0.02) + 0.5, 0.0, 1.0);
  if (alpha < 0.02) discard;
#else
  if (alpha < part.y) discard;
#endif
#endif
#ifdef UNLIT
  pixel = vec4(tone(alb + emissive.rgb), alpha); return;
#endif
  vec3 n = normalize(N), v = normalize(V), l = lights[0].xyz;
#ifdef TWO_SIDED
  n = gl_FrontFacing ? -n : n;
#endif
  vec3 key = lights[1].rgb;
  float nl = dot(n, l), nv = max(dot(n, v), 0.02);
  vec3 h = normalize(l + v);
  float nh = max(dot(n, h), 0.0), lh = max(dot(l, h), 0.0);
  float rough = part.x;
  vec3 c = vec3(0.0);
"""

BODY: dict[str, str] = {
    "skin": """
  float s = lit();
  // Light bleeds under the skin, red furthest: wrapped diffuse, and shadows with red edges.
  vec3 w = vec3(0.42, 0.16, 0.10);
  vec3 q = clamp((nl + w) / (1.0 + w), 0.0, 1.0);
  float s2 = s * s;
  vec3 sd = mix(vec3(s), vec3(sqrt(s), s, s2), 0.7);
  vec3 d = q * q * (0.55 + 0.45 * q) * sd;
  float f = 0.028 + 0.972 * fifth(1.0 - lh);
  float sp = mix(lobe(nh, lh, rough * rough), lobe(nh, lh, rough * rough * 0.36), 0.32) * f * max(nl, 0.0) * s;
  float edge = fifth(1.0 - nv);
  c = alb * (key * d + amb) + key * sp + sky.rgb * (0.02 + 0.30 * edge) * (0.5 + 0.5 * s);
""",
    "cloth": """
  float s = lit();
  float edge = 1.0 - nv;
  vec3 d = key * (max(nl, 0.0) * s);
  c = alb * (d + amb) + (alb * 0.7 + 0.03) * (edge * edge * edge) * (amb + d) * 0.8;
  c += key * lobe(nh, lh, rough * rough) * 0.03 * max(nl, 0.0) * s;
""",
    "hair": """
  float s = lit();
  vec3 tt = normalize(T);
  float tl = dot(tt, l), th = dot(tt, h);
  float wl = clamp((nl + 0.4) / 1.4, 0.0, 1.0);
  vec3 t1 = tt + 0.12 * n, t2 = tt - 0.14 * n;
  float h1 = dot(t1, h), h2 = dot(t2, h);
  float a1 = max(1.0 - h1 * h1, 0.0), a2 = max(1.0 - h2 * h2, 0.0);
  a1 *= a1; a1 *= a1; a1 *= a1; a1 *= a1; a1 *= a1; a2 *= a2; a2 *= a2; a2 *= a2;
  float att = clamp(nl * 1.4 + 0.45, 0.0, 1.0) * s;
  c = alb * (key * (wl * (0.55 + 0.45 * sqrt(max(1.0 - tl * tl, 0.0)))) * mix(0.3, 1.0, s) + amb * 0.9);
  c += key * (a1 * 0.035 + alb * a2 * 0.55) * att;
""",
    "eye": """
  float nlc = max(nl, 0.0);
  vec3 r = reflect(-v, n);
  float f = 0.03 + 0.6 * fifth(1.0 - nv);
  // A window-like soft box and a dim room are what makes a wet eye: analytic, no texture.
  float box = smoothstep(0.965, 0.99, dot(r, normalize(l + vec3(0.0, 0.25, 0.25))));
  vec3 room = mix(vec3(0.05), sky.rgb, smoothstep(-0.2, 0.9, r.y));
  c = alb * (key * nlc * 0.85 + amb * 1.05);
  c += room * f + key * (box * 0.55 + lobe(nh, lh, 0.02) * 0.03 * nlc);
""",
    "wet": """
  c = alb * (key * max(nl, 0.0) * lit() * 0.9 + amb);
  c += key * lobe(nh, lh, max(rough * rough, 0.03)) * 0.035 * max(nl, 0.0) + sky.rgb * 0.25 * fifth(1.0 - nv);
""",
    "matt": """
  c = alb * (key * max(nl, 0.0) * lit() + amb);
  float f = 0.04 + 0.5 * fifth(1.0 - nv) * (1.0 - rough);
  c += key * lobe(nh, lh, max(rough * rough, 0.02)) * 0.04 * max(nl, 0.0) + sky.rgb * f * 0.3;
""",
    "shade": """
  pixel = vec4(tone(alb * 0.5), alpha); return;
""",
}

FAMILY: dict[MaterialKind, str] = {
    "skin": "skin",
    "eye": "eye",
    "eye_shade": "shade",
    "lash": "matt",
    "brow": "matt",
    "hair": "hair",
    "hair_cap": "hair",
    "cloth": "cloth",
    "teeth": "wet",
    "gum": "wet",
    "tongue": "wet",
    "glass": "matt",
    "plain": "matt",
}

MAIN_CLOSE = """
  pixel = vec4(tone(c + emissive.rgb), alpha);
}
"""


def sources(program: Program, lights: int, two_sided: bool, shadow_size: int) -> tuple[str, str]:
    """Vertex and fragment source."""
    family = FAMILY[program.kind]
    if family == "hair" and not program.tangents:
        family = "matt"
    reach = {0: 0, 1: 0, 9: 1, 25: 2}[program.shadow]
    flags = {
        "INFLUENCES": str(program.influences),
        "BONES": str(max(program.bones, 1)),
        "LIGHTS": str(max(lights, 1)),
        "SHADOW": str(program.shadow),
        "SHADOW_REACH": str(reach),
        "SHADOW_STEP": f"{1.6 / max(shadow_size, 1):.8f}",
        "FILL_WRAP": "0.30",
        **TONE,
    }
    text = "#version 330\n" + "".join(f"#define {name} {value}\n" for name, value in flags.items())
    switches = {
        "TEXTURED": program.textured,
        "COLOURED": program.coloured,
        "TANGENTS": program.tangents,
        "CUTOUT": program.cutout,
        "COVERAGE": program.cutout and program.coverage,
        "TWO_SIDED": two_sided,
        "UNLIT": program.unlit,
    }
    text += "".join(f"#define {name}\n" for name, on in switches.items() if on)
    return text + VERTEX, text + FRAGMENT_HEAD + MAIN_OPEN + BODY[family] + MAIN_CLOSE


TONE = {
    "TONE_A": "5.65795526",
    "TONE_B": "-0.0612495125",
    "TONE_C": "-0.00110092537",
    "TONE_D": "5.72545418",
    "TONE_E": "-0.575087266",
}
"""Least-squares fit of sRGB(ACES(x)) (Narkowicz 2015) over sqrt(x), x in 0..8; largest error 0.0041."""
