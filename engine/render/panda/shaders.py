"""Only GLSL: one program per kind of material and quality, put together without run-time branches."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_engine.engine.model import MaterialKind
from avatar_engine.engine.render.panda.lighting import FAMILY, LIGHT


@dataclass(frozen=True, slots=True)
class Program:
    """What a program is specialised for.

    influences: bones per vertex (0: one bone for all); bones: palette length; lights: how many;
    per_pixel: light every pixel, else every vertex (dense meshes on software renderers);
    shadow: taps a side of the live key shadow, 0: the baked one; shadow_texel: size of one texel of it;
    cutout: "" none, "test" discard, "coverage" multisample coverage, "core" the solid part
    of strands, "fringe" what the core left out, blended;
    relief, surface: with pictures of normals and of roughness, both only where light falls on every pixel.
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
    relief: bool = False
    surface: bool = False


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
  light(n, v, normalize(t), part.x, seen.x, seen.y, diffuse, gloss);
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
#ifdef RELIEF
uniform sampler2D relief; uniform float relief_scale;
// Tangents from how place and coordinates change over the picture: a file need not bring any.
vec3 bent(vec3 n) {
  vec3 px = -dFdx(V), py = -dFdy(V); vec2 ux = dFdx(uv), uy = dFdy(uv);
  vec3 a = cross(py, n), b = cross(n, px);
  vec3 across = a * ux.x + b * uy.x, down = a * ux.y + b * uy.y;
  float size = max(dot(across, across), dot(down, down));
  vec3 m = texture(relief, uv).bgr * 2.0 - 1.0;
  m.xy *= relief_scale * sign(dot(px, a)) * inversesqrt(max(size, 1e-30));
  return normalize(n * max(m.z, 0.1) + across * m.x - down * m.y);
}
#endif
#ifdef SURFACE
uniform sampler2D surface; uniform float surface_factor;
#endif
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
  t = texture(tex, uv).bgra;  // stored red first
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
  float rough = part.x;
#ifdef SURFACE
  rough = clamp(texture(surface, uv).g * surface_factor, 0.04, 1.0);
#endif
#ifdef RELIEF
  n = bent(n);
#endif
  float key_seen = open.x;
#if SHADOW
  key_seen = lit();
#endif
  light(n, v, strand, rough, key_seen, open.y, diffuse, gloss);
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
        "RELIEF": program.relief,
        "SURFACE": program.surface,
        "LASHES": program.kind == "lash",
        f"CUT_{program.cutout.upper()}": bool(program.cutout),
    }
    head = "#version 330\n" + "".join(f"#define {name} {value}\n" for name, value in values.items())
    head += "".join(f"#define {name}\n" for name, on in switches.items() if on) + SHARED_HEAD
    light = "void light(vec3 n, vec3 v, vec3 t, float rough, float key_seen, float sky_seen, out vec3 D, out vec3 S) {"
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
