"""Only the examination itself: one avatar in, findings with advice and a score out. Draws nothing."""

from __future__ import annotations

import numpy as np

from avatar_engine.avatar_doctor.costs import TEXTURE_SIDE, TRIANGLES_LIVE, TRIANGLES_MOST, Costs, costs_of
from avatar_engine.avatar_doctor.findings import Examination, Finding, Mark
from avatar_engine.avatar_doctor.motion import Motion, measure_motion
from avatar_engine.avatar_doctor.posing import Body, body_of, shown
from avatar_engine.components.controls import ARKIT, CONTROL_INDEX, POSE_INDEX
from avatar_engine.components.visemes import VISEMES
from avatar_engine.scenes.automap import propose
from avatar_engine.scenes.library import Avatar
from avatar_engine.scenes.seeing import still_targets

VISIBLE_M = 0.0008  # a shape that moves the skin less than this is not seen at arm's length
JAW_M = (0.006, 0.055)  # chin drop of a usable jaw; grown people open 40 to 50 mm at most
LIPS_M = 0.0005


def examine(avatar: Avatar) -> Examination:
    """Look at everything."""
    body = body_of(avatar)
    motion = measure_motion(body)
    costs = costs_of(avatar.model)
    findings: list[Finding] = []
    marks: list[Mark] = []
    for found, earned in (
        _format(avatar),
        _mouth(body, motion),
        _blink(body, motion),
        _gaze(avatar, motion),
        _brows(motion),
        _tongue(avatar, motion),
        _jaw(motion),
        _lips(motion),
        _evenness(motion),
        _sizes(avatar, costs),
    ):
        findings += found
        marks += earned
    return Examination(avatar.id, tuple(findings), tuple(marks), motion.gains)


Part = tuple[list[Finding], list[Mark]]


def _format(avatar: Avatar) -> Part:
    extras = avatar.model.extras
    made_by = str(extras.get("generator") or "unknown exporter")
    vrm = extras.get("vrm")
    findings = []
    licence = avatar.profile.licence
    if isinstance(vrm, dict):
        kept = vrm["licence"]
        findings.append(Finding("good", "format", f"VRM {vrm['version']}, written by {made_by}"))
        said = "; ".join(f"{name} {value}" for name, value in kept.items() if value not in ("", [], None))
        findings.append(
            Finding("note", "licence", said or "the file says nothing", "respect its terms when publishing")
        )
        licence = licence if licence != "unknown" else said
    else:
        kind = "glTF" if avatar.model.source.endswith(".gltf") else "GLB"
        findings.append(Finding("good", "format", f"{kind}, written by {made_by}"))
        told = str(extras.get("copyright") or "")
        if licence != "unknown" or told:
            findings.append(Finding("good", "licence", licence if licence != "unknown" else told))
            licence = licence if licence != "unknown" else told
        else:
            advice = "find out whose it is and write `licence:` into avatar.yaml"
            findings.append(Finding("warning", "licence", "neither the file nor avatar.yaml names one", advice))
    scale = float(str(extras.get("scale", 1.0)))
    if extras.get("turned"):
        findings.append(Finding("note", "axes", "turned upright, to face the viewer"))
    if abs(scale - 1.0) > 0.01:
        findings.append(Finding("note", "units", f"brought to metres (1 unit = {scale:g} m)"))
    if extras.get("arms_relaxed"):
        findings.append(Finding("note", "pose", "arms were spread; they hang now"))
    families = propose(avatar.model.morph_names).families
    still = still_targets(avatar.model)
    exact = [name for name in ARKIT if name in avatar.model.morph_names]
    names = ", ".join(([f"ARKit ({len(exact)} of 52)"] if exact else []) + list(families[:1])) or "no known family"
    findings.append(Finding("good" if exact or families else "warning", "names", names))
    empty = [name for name in exact if name in still]
    if empty:
        advice = "shapes of other names stand in where there are any; else export them with their motion"
        findings.append(Finding("note", "names", f"empty: {', '.join(empty)}", advice))
    return findings, [Mark(3, float(licence not in ("", "unknown")))]


def _mouth(body: Body, motion: Motion) -> Part:
    seen = [
        viseme
        for viseme in VISEMES[1:]
        if float(np.linalg.norm(shown(body, viseme=viseme), axis=1).max(initial=0.0)) > VISIBLE_M
    ]
    missing = [viseme for viseme in VISEMES[1:] if viseme not in seen and viseme != "PP"]
    mouth = [name for name in ARKIT if name.startswith(("mouth", "jaw")) and motion.reach[name] > VISIBLE_M]
    share = min((len(seen) + (not missing)) / 14, 1.0)
    detail = min(len(mouth) / 20, 1.0)
    marks = [Mark(30, share), Mark(8, detail)]
    if not seen:
        advice = "add at least jawOpen (or a jaw bone called Jaw), or vowel shapes a i u e o; ARKit's 52 are best"
        return [Finding("fault", "mouth", "nothing moves when it speaks", advice)], marks
    text = f"{len(seen)} of 14 visemes move it, with {len(mouth)} of 27 mouth and jaw shapes"
    if missing:
        return [Finding("warning", "mouth", f"{text}; still on {', '.join(missing)}",
                        "name the targets in avatar.yaml under `mapping`, or add shapes")], marks  # fmt: skip
    if detail < 0.5:
        return [Finding("note", "mouth", text, "it speaks, but coarsely: more mouth shapes make it clearer")], marks
    return [Finding("good", "mouth", text)], marks


def _blink(body: Body, motion: Motion) -> Part:
    sides = [side for side in ("Left", "Right") if motion.reach[f"eyeBlink{side}"] > VISIBLE_M]
    findings = []
    if len(sides) == 2:
        findings.append(Finding("good", "blink", "both eyes close"))
    else:
        text = "no eye closes" if not sides else f"only the {sides[0].lower()} eye closes"
        findings.append(
            Finding("fault", "blink", text, "add eyeBlinkLeft and eyeBlinkRight: eyes that never blink stare")
        )
    return findings, [Mark(18, len(sides) / 2)]


def _gaze(avatar: Avatar, motion: Motion) -> Part:
    rows = (avatar.rig.pose_joints[POSE_INDEX[name]] for name in ("eye_left_yaw", "eye_right_yaw"))
    bones = all(row.any() for row in rows)
    looks = [name for name in ARKIT if name.startswith("eyeLook") and motion.reach[name] > VISIBLE_M / 2]
    sizes = avatar.measures
    findings = []
    if bones:
        findings.append(Finding("good", "gaze", f"eye bones, and {len(looks)} of 8 eyeLook shapes"))
    elif len(looks) >= 6:
        findings.append(Finding("good", "gaze", f"{len(looks)} eyeLook shapes"))
    else:
        advice = "add eye bones (LeftEye, RightEye) or the 8 eyeLook shapes; until then only the head looks around"
        findings.append(Finding("warning", "gaze", "the eyes cannot turn", advice))
    apart = (sizes.eye_distance_m or 0.0) * 1000
    where = f"{sizes.eye_height_m or 0.0:.3f} m up, {apart:.0f} mm apart"
    if 45 <= apart <= 85:
        findings.append(Finding("good", "eyes", where))
    else:
        findings.append(Finding("note", "eyes", where, "unusual for a person; check `measures.eye_distance_m`"))
    return findings, [Mark(10, 1.0 if bones or len(looks) >= 6 else 0.0)]


def _brows(motion: Motion) -> Part:
    brows = [name for name in ARKIT if name.startswith("brow") and motion.reach[name] > VISIBLE_M]
    if len(brows) >= 3:
        return [Finding("good", "brows", f"{len(brows)} of 5 shapes")], [Mark(8, len(brows) / 5)]
    advice = "browInnerUp, browDown* and browOuterUp* carry most of an emotion"
    return [Finding("warning", "brows", f"{len(brows)} of 5 shapes", advice)], [Mark(8, len(brows) / 5)]


def _tongue(avatar: Avatar, motion: Motion) -> Part:
    bone = avatar.rig.control_joints[CONTROL_INDEX["tongueTipUp"]].any()
    target = avatar.rig.control_morphs[CONTROL_INDEX["tongueTipUp"]].any()
    if bone or target or motion.reach["tongueOut"] > VISIBLE_M:
        return [Finding("good", "tongue", "moves")], [Mark(4, 1.0)]
    return [Finding("note", "tongue", "does not move", "tongueOut or a tongue bone makes TH, D and N read")], [
        Mark(4, 0.0)
    ]


def _jaw(motion: Motion) -> Part:
    text = f"the chin drops {motion.jaw_m * 1000:.0f} mm"
    low, high = JAW_M
    if motion.jaw_m < VISIBLE_M:
        return [], [Mark(5, 0.0)]
    if motion.jaw_m < low:
        return [Finding("warning", "jaw", text, "too little to be seen; raise `gains.jawOpen` (--fix proposes it)")], [
            Mark(5, motion.jaw_m / low)
        ]
    if motion.jaw_m > high:
        return [Finding("warning", "jaw", text, "more than a jaw can; lower `gains.jawOpen`")], [Mark(5, 0.5)]
    return [Finding("good", "jaw", text)], [Mark(5, 1.0)]


def _lips(motion: Motion) -> Part:
    if np.isnan(motion.gap_pp_m):
        return [Finding("note", "lips", "no parting lips found on the mesh; look at the picture of PP")], [Mark(4, 0.5)]
    rest, pp = motion.gap_rest_m * 1000, motion.gap_pp_m * 1000
    if motion.gap_pp_m <= max(LIPS_M, motion.gap_rest_m + 0.0002):
        return [Finding("good", "lips", f"meet on PP ({pp:.1f} mm, at rest {rest:.1f} mm)")], [Mark(4, 1.0)]
    advice = "raise mouthClose, mouthPress* or mouthRoll* in `visemes.PP`"
    return [Finding("warning", "lips", f"stay {pp:.1f} mm apart on PP (at rest {rest:.1f} mm)", advice)], [Mark(4, 0.0)]


def _evenness(motion: Motion) -> Part:
    findings = []
    for pair, ratio in sorted(motion.uneven.items()):
        side = "left" if ratio > 1 else "right"
        text = f"{pair}: the {side} side moves {'alone' if ratio in (0.0, np.inf) else 'more'} (left/right {ratio:.2f})"
        findings.append(Finding("warning", "symmetry", text, f"check the names, or set `gains.{pair}Left/Right`"))
    for control, gain in motion.gains.items():
        text = f"{control} moves {'too little' if gain > 1 else 'too much'} for a face of this size"
        findings.append(Finding("note", "gain", text, f"`gains.{control}: {gain}` in avatar.yaml (--fix writes it)"))
    if not findings:
        findings.append(Finding("good", "symmetry", "both sides move alike, and about as far as usual"))
    return findings, [Mark(4, 1.0 - len(motion.uneven) / 8), Mark(2, 1.0 - len(motion.gains) / 8)]


def _sizes(avatar: Avatar, costs: Costs) -> Part:
    live = min(1, len(costs.triangles) - 1)
    counts = ", ".join(f"level {level}: {count}" for level, count in enumerate(costs.triangles))
    text = f"{counts} triangles; a 720p frame should take about {costs.frame_ms(live):.0f} ms of CPU without a GPU"
    findings = []
    if costs.triangles[live] > TRIANGLES_MOST:
        advice = f"export a coarser level (MSFT_lod, or names ending in LOD1) of at most {TRIANGLES_LIVE} triangles"
        findings.append(Finding("warning", "triangles", text, advice))
    elif costs.triangles[live] > TRIANGLES_LIVE:
        findings.append(Finding("note", "triangles", text, f"{TRIANGLES_LIVE} or fewer leave room for more sessions"))
    else:
        findings.append(Finding("good", "triangles", text))
    large = [f"{name} {width}x{height}" for name, width, height in costs.pictures if max(width, height) >= TEXTURE_SIDE]
    memory = (
        f"{len(costs.pictures)} pictures; {costs.memory_mb:.0f} MB once loaded (geometry {costs.geometry_mb:.1f}, "
        f"shapes {costs.targets_mb:.1f}, pictures {costs.pictures_mb:.1f})"
    )
    if large or costs.memory_mb > 200:
        advice = f"halve {', '.join(large)}" if large else "fewer vertices or smaller pictures"
        findings.append(Finding("note", "memory", memory, advice))
    else:
        findings.append(Finding("good", "memory", memory))
    heavy = costs.triangles[live] / TRIANGLES_LIVE
    return findings, [Mark(4, 1.0 if heavy <= 1 else max(0.0, 1.0 - (heavy - 1) / 4))]
