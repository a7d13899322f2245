"""Compiles an avatar's profile and its model's names into a Rig: matrices, once, before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE, POSE_INDEX
from avatar_engine.components.rig import Float, Limit, Rig
from avatar_engine.components.viseme_shapes import viseme_matrix
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.scenes.automap import joint_aliases, normalised, propose
from avatar_engine.scenes.profile import AvatarProfile

# role -> names under which models keep that joint, best first
JOINT_NAMES: dict[str, tuple[str, ...]] = {
    "head": ("head", "Head", "mixamorig:Head", "CC_Base_Head", "J_Bip_C_Head"),
    "neck": ("neck", "Neck", "mixamorig:Neck", "CC_Base_NeckTwist01", "J_Bip_C_Neck"),
    "spine": (
        "spine",
        "Spine2",
        "Spine1",
        "Spine",
        "mixamorig:Spine2",
        "CC_Base_Spine02",
        "J_Bip_C_UpperChest",
    ),
    "jaw": ("jaw", "Jaw", "CC_Base_JawRoot"),
    "tongue": ("tongue", "Tongue", "CC_Base_Tongue01"),
    "eye_left": ("eyeLeft", "LeftEye", "mixamorig:LeftEye", "CC_Base_L_Eye", "J_Adj_L_FaceEye"),
    "eye_right": ("eyeRight", "RightEye", "mixamorig:RightEye", "CC_Base_R_Eye", "J_Adj_R_FaceEye"),
    "shoulder_left": ("shoulderLeft", "LeftShoulder", "mixamorig:LeftShoulder", "CC_Base_L_Clavicle"),
    "shoulder_right": ("shoulderRight", "RightShoulder", "mixamorig:RightShoulder", "CC_Base_R_Clavicle"),
}
# role -> how names end that are in no table (`Bip01 Head`, `DEF-jaw`, `head.x`), best first
JOINT_ENDINGS: dict[str, tuple[str, ...]] = {
    "head": ("head", "headx"),
    "neck": ("neck", "neck1", "neck01", "neckx"),
    "spine": ("upperchest", "chest", "spine3", "spine2", "spine03", "spine02", "spine1", "spine01", "spine"),
    "jaw": ("jaw", "jawroot", "jawbone", "jawbonex", "lowerjaw", "mandible"),
    "tongue": ("tongue", "tongue1", "tongue01"),
    "eye_left": ("eyeleft", "lefteye", "leye", "eyel"),
    "eye_right": ("eyeright", "righteye", "reye", "eyer"),
}
YAW, PITCH, ROLL, X, Y, Z = range(6)
# pose channel -> (joint role, axis, gain)
POSE_DRIVES: dict[str, tuple[tuple[str, int, float], ...]] = {
    "head_yaw": (("head", YAW, 1.0),), "head_pitch": (("head", PITCH, 1.0),), "head_roll": (("head", ROLL, 1.0),),
    "head_x": (("head", X, 1.0),), "head_y": (("head", Y, 1.0),), "head_z": (("head", Z, 1.0),),
    "neck_yaw": (("neck", YAW, 1.0),), "neck_pitch": (("neck", PITCH, 1.0),), "neck_roll": (("neck", ROLL, 1.0),),
    "spine_yaw": (("spine", YAW, 1.0),), "spine_pitch": (("spine", PITCH, 1.0),),
    "spine_roll": (("spine", ROLL, 1.0),),
    "eye_left_yaw": (("eye_left", YAW, 1.0),), "eye_left_pitch": (("eye_left", PITCH, 1.0),),
    "eye_right_yaw": (("eye_right", YAW, 1.0),), "eye_right_pitch": (("eye_right", PITCH, 1.0),),
    # a shrug lifts the shoulder by up to 35 mm; a breath lifts both by 4 mm and the chest leans back half a degree
    "shoulder_left": (("shoulder_left", Y, 0.14),), "shoulder_right": (("shoulder_right", Y, 0.14),),
    "breath": (("shoulder_left", Y, 0.004), ("shoulder_right", Y, 0.004), ("spine", PITCH, 0.008)),
}  # fmt: skip
# Tongue shapes turn the tongue joint (radians at 1); jaw shapes turn the jaw joint where there are no jaw targets.
TONGUE_DRIVES = {
    "tongueTipUp": (PITCH, 0.45), "tongueUp": (PITCH, 0.30), "tongueDown": (PITCH, -0.30),
    "tongueBackUp": (Y, 0.004), "tongueLeft": (YAW, 0.35), "tongueRight": (YAW, -0.35),
}  # fmt: skip
JAW_DRIVES = {
    "jawOpen": (PITCH, -0.36),
    "jawLeft": (YAW, 0.10),
    "jawRight": (YAW, -0.10),
    "jawForward": (Z, 0.008),
}


# What a face that only knows vowels does on consonants: part of the vowel with the nearest mouth.
FROM_VOWELS = {
    "FF": (("U", 0.15), ("I", 0.15)), "TH": (("E", 0.35), ("I", 0.35)), "DD": (("I", 0.4), ("E", 0.4)),
    "kk": (("E", 0.45), ("aa", 0.25)), "CH": (("U", 0.6), ("O", 0.4)), "SS": (("I", 0.5), ("E", 0.3)),
    "nn": (("I", 0.35), ("E", 0.35)), "RR": (("O", 0.45), ("U", 0.45)), "E": (("I", 0.8), ("aa", 0.5)),
    "I": (("E", 0.8), ("aa", 0.3)), "O": (("U", 0.8), ("aa", 0.6)), "U": (("O", 0.7), ("aa", 0.3)),
}  # fmt: skip


def compile_rig(
    profile: AvatarProfile,
    name: str,
    morphs: Sequence[str],
    joints: Sequence[str],
    where: str,
    seen: Mapping[str, str] | None = None,
    still: Collection[str] = (),
    eye_turn: float = 1.0,
) -> Rig:
    """The Rig of a model with these target and joint names. Raises SceneError for names that are not there.

    seen: control -> target, found on the mesh; serves where neither the profile nor the names know better.
    still: targets that move nothing, so that another family's shape may do what their names only promise.
    eye_turn: radians that an eye joint turns per radian of gaze; below 1 where it lies far behind the eye.
    """
    targets = {target: index for index, target in enumerate(morphs)}
    guess = propose([target for target in morphs if target not in still])
    control_morphs = np.zeros((len(CONTROLS), len(morphs)), np.float32)
    gain = np.ones(len(CONTROLS), np.float32)
    offset = np.zeros(len(CONTROLS), np.float32)
    for index, control in enumerate(CONTROLS):
        gain[index] = profile.gains.get(control, 1.0)
        offset[index] = profile.rest.get(control, 0.0)
        if control in profile.mapping:
            for drive in profile.mapping[control]:
                if drive.target not in targets:
                    raise SceneError(
                        f"{where} mapping.{control}", f"the model has no target '{drive.target}'",
                        suggest(drive.target, targets),
                    )  # fmt: skip
                control_morphs[index, targets[drive.target]] = drive.gain
        else:
            for drive in guess.mapping.get(control, ()):
                control_morphs[index, targets[drive.target]] = drive.gain
            if control not in guess.mapping and control in (seen or {}):
                control_morphs[index, targets[(seen or {})[control]]] = 1.0
    unit_controls, unit_morphs = _units(profile, targets, where)
    roles = joint_roles(profile, joints, where)
    viseme_controls = viseme_matrix(profile.visemes)
    jaw = CONTROL_INDEX["jawOpen"]
    promised = any(normalised(target) == "jawopen" for target in still)
    if promised and "aa" in guess.visemes and "jaw" not in roles and not control_morphs[jaw].any():
        # An empty jawOpen amid a mouth that else has its shapes: the open vowel is what it has instead.
        control_morphs[jaw, targets[guess.visemes["aa"]]] = 1.0 / viseme_controls[VISEME_INDEX["aa"], jaw]
    return Rig(
        name=name,
        viseme_controls=viseme_controls,
        control_gain=gain,
        control_offset=offset,
        unit_controls=unit_controls,
        control_morphs=control_morphs,
        unit_morphs=unit_morphs,
        viseme_morphs=_viseme_morphs(control_morphs, viseme_controls, guess.visemes, targets),
        pose_joints=_pose_joints(roles, len(joints), eye_turn),
        control_joints=_control_joints(roles, len(joints), control_morphs),
        limits=tuple(
            Limit(tuple(CONTROL_INDEX[control] for control in limit.controls), limit.ceiling)
            for limit in profile.limits
        ),
        morph_names=tuple(morphs),
        joint_names=tuple(joints),
        extras=dict(profile.extras),
    )


def _units(profile: AvatarProfile, targets: dict[str, int], where: str) -> tuple[Float, Float]:
    """(157, C) and (157, T): a unit with a native target on this model moves that instead of its controls."""
    units = catalogue().units
    controls = np.zeros((len(units), len(CONTROLS)), np.float32)
    native = np.zeros((len(units), len(targets)), np.float32)
    for row, unit in enumerate(units):
        target = profile.units.get(unit.id, unit.id)
        if target not in targets and unit.id not in profile.units:
            target = str(unit.native.get("like", target))
        if target in targets:
            native[row, targets[target]] = 1.0
            continue
        if unit.id in profile.units:
            raise SceneError(
                f"{where} units.{unit.id}", f"the model has no target '{target}'", suggest(target, targets)
            )
        for control, weight in unit.controls.items():
            controls[row, CONTROL_INDEX[control]] = weight
    return controls, native


def _viseme_morphs(
    control_morphs: Float, viseme_controls: Float, visemes: dict[str, str], targets: dict[str, int]
) -> Float:
    """(15, T): only for models that have viseme targets but lack the ARKit mouth to build visemes from."""
    native = np.zeros((len(VISEMES), len(targets)), np.float32)
    for row, viseme in enumerate(VISEMES[1:], start=1):
        wanted = np.abs(viseme_controls[row, : CONTROL_INDEX["tongueOut"]])
        reached = wanted[np.abs(control_morphs[: len(wanted)]).sum(axis=1) > 0].sum()
        if viseme in visemes and reached < 0.5 * wanted.sum():
            native[row, targets[visemes[viseme]]] = 1.0
        elif viseme in FROM_VOWELS and reached < 0.5 * wanted.sum():
            vowel, share = next(((v, g) for v, g in FROM_VOWELS[viseme] if v in visemes), ("", 0.0))
            if vowel:
                native[row, targets[visemes[vowel]]] = share
    return native


def joint_roles(profile: AvatarProfile, joints: Sequence[str], where: str) -> dict[str, int]:
    """role -> number of the joint that plays it. Raises SceneError for names that are not there."""
    found: dict[str, int] = {}
    for role, joint in profile.joints.items():
        if role not in JOINT_NAMES:
            raise SceneError(f"{where} joints.{role}", "no such joint role", suggest(role, JOINT_NAMES))
        if joint and joint not in joints:
            raise SceneError(f"{where} joints.{role}", f"the model has no joint '{joint}'", suggest(joint, joints))
    for role, names in JOINT_NAMES.items():
        known = (*names, *joint_aliases().get(role, ()))
        for joint in (profile.joints[role],) if role in profile.joints else known:
            if joint in joints:
                found[role] = list(joints).index(joint)
                break
        else:
            places = [] if role in profile.joints else _by_ending(JOINT_ENDINGS.get(role, ()), joints)
            if places:
                found[role] = places[0]
    return found


def _by_ending(endings: Sequence[str], joints: Sequence[str]) -> list[int]:
    """Joints whose name ends in one of these words, whatever stands before: best ending first, then file order."""
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", joint).lower() for joint in joints]
    split = [re.split(r"[\s._:|/-]+", word) for word in words]
    tails = [{"".join(parts[k:]) for k in range(len(parts))} for parts in split]
    return [number for ending in endings for number, tail in enumerate(tails) if ending in tail]


def _pose_joints(roles: dict[str, int], count: int, eye_turn: float) -> Float:
    matrix = np.zeros((len(POSE), count, 6), np.float32)
    for channel, drives in POSE_DRIVES.items():
        for role, axis, gain in drives:
            # a model without a neck or spine joint turns its head instead
            stand_in = "head" if role in ("neck", "spine") and role not in roles and channel != "breath" else role
            if stand_in in roles:
                share = eye_turn if role.startswith("eye") else 1.0
                matrix[POSE_INDEX[channel], roles[stand_in], axis] += gain * share
    return matrix.reshape(len(POSE), count * 6)


def _control_joints(roles: dict[str, int], count: int, control_morphs: Float) -> Float:
    matrix = np.zeros((len(CONTROLS), count, 6), np.float32)
    drives = [("tongue", TONGUE_DRIVES), ("jaw", JAW_DRIVES)]
    for role, table in drives:
        for control, (axis, gain) in table.items():
            index = CONTROL_INDEX[control]
            if role in roles and not control_morphs[index].any():
                matrix[index, roles[role], axis] = gain
    return matrix.reshape(len(CONTROLS), count * 6)
