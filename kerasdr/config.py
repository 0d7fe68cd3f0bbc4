"""One experiment as typed, checked data: read from YAML, overridden, resolved, written back.

A file has sections with the defaults of every member (``model``, ``imaging``, ``augment``, ``training``, ``stages``) and a
list of ``members``, each of which may override any of them. :func:`resolve` gives the whole experiment with every member
written out in full; :func:`to_yaml` writes that beside the result, and reading it back gives the same experiment.
"""

import copy
import importlib.resources
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from kerasdr.calibration_config import CalibrationConfig
from kerasdr.data_config import DataConfig
from kerasdr.errors import KerasdrError
from kerasdr.overrides import MEMBER_SECTIONS, fit_settings, override, suggestion
from kerasdr.section import Fraction, Name, Section


class ImagingConfig(Section):
    """How bytes become network input."""

    recipe: str = "clahe-crop"
    size: int = Field(default=224, ge=32, le=2048)
    max_megapixels: float = Field(default=100.0, gt=0.0)


class ModelSpec(Section):
    """One classifier: trunk, initial weights, one or two inputs, attention, head."""

    trunk: str = "mobilenetv2"
    weights: str = "imagenet"
    """The trunk's initial weights: ``none``, ``imagenet``, or the path of a file: Keras weights of the trunk
    (``.weights.h5``, ``.h5``), a torch state dict with torchvision's names (``.pt``, ``.pth``; resnet18, resnet34,
    densenet121), or the ``weights.npz`` of a member of an earlier run."""
    initial_head: Literal["keep", "new"] = "keep"
    """Of a run's ``weights.npz``: whether head and attention are taken too. ``keep``: where they have the same parts of the
    same shapes in both networks, and are made anew where they differ, as a dual network's on a single one's do; the run's
    log says which. ``new``: always made anew. With any other weights they are new."""
    trunk_end: str = "last"
    """The layer of the trunk whose map is pooled. ``last``: the whole trunk. Or the name of an earlier layer, where the
    trunk is cut: with few photographs to train on, maps in the middle know more about small lesions, and are finer."""
    mode: Literal["single", "dual"] = "single"
    pairing: Literal["same-eye", "both-eyes"] = "both-eyes"
    """Dual only: the partner is another view of the same eye, or the person's other eye."""
    shared_branches: bool = True
    """Dual only: one trunk (and attention) for both photographs, or two with weights of their own."""
    attention: str = "none"
    """``none``, ``spatial``, ``channel``, ``self``, or ``cbam`` (channel, then spatial)."""
    attention_at: str = "features"
    """``features``: between trunk and pooling. Or the name of a layer of the trunk: after that layer."""
    attention_kernel: int = Field(default=7, ge=1, le=31)
    """Spatial and cbam: side of the kernel, odd."""
    attention_relu: bool = False
    """Spatial and cbam: a ReLU before the sigmoid, which keeps the mask at 0.5 and above."""
    head: Literal["mlp", "linear"] = "mlp"
    head_units: tuple[int, ...] = (256, 128)
    head_norm: bool = False
    """Batch normalisation of the pooled vector in front of the head, so that a decay of the head's weights means the same
    for every channel."""
    dropout: float = Field(default=0.5, ge=0.0, lt=1.0)

    @field_validator("head_units")
    @classmethod
    def _positive_units(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise ValueError(f"head_units must be one or more positive sizes, got {list(value)}")
        return value

    @field_validator("attention_kernel")
    @classmethod
    def _odd_kernel(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("attention_kernel must be odd, so that the kernel has a middle: for instance 7 or 11")
        return value


Precision = Literal["float32", "mixed_bfloat16"]
"""Names of Keras's dtype policies."""


class AugmentConfig(Section):
    """Random changes of training photographs; each is off at 0, false or none."""

    horizontal_flip: bool = True
    vertical_flip: bool = True
    rotation: float = Field(default=30.0, ge=0.0, le=180.0)
    """Largest rotation in degrees, either way."""
    rotation_probability: Fraction = 1.0
    """Share of photographs that are rotated at all."""
    crop: float = Field(default=0.0, ge=0.0, le=0.9)
    """Share of the side that a crop at a random place cuts away."""
    crop_place: Literal["stretch", "pad"] = "stretch"
    """The crop is stretched to the full side, or put at a random place on black, keeping its scale."""
    zoom: Fraction = 0.1
    shift: Fraction = 0.0
    brightness: Fraction = 0.1
    """Largest share of the value range that is added or taken away."""
    contrast: Fraction = 0.1
    color_jitter: Literal["none", "darken", "balanced"] = "none"
    """``darken``: brightness times 0.1 to 0.9, as the report had it, which can only darken. ``balanced``: times 0.7 to 1.3."""
    blur: float = Field(default=0.0, ge=0.0, le=10.0)
    """Largest sigma of a Gaussian blur, in pixels of the network's input."""


class StageConfig(Section):
    """One part of a training: what is trained, how long and how fast."""

    name: Name = "fit"
    epochs: int = Field(default=20, ge=1)
    train: str = "all"
    """``all``, ``head`` (the trunk is frozen), ``after:<block>`` (what follows that block of the trunk, and the head;
    ``after:dense_block_1`` freezes the first dense block and all before it), or ``from:<layer>`` (the trunk from that
    layer on, and the head). Frozen batch normalisation uses its stored statistics and keeps them."""
    batch_norm: Literal["auto", "frozen", "train"] = "auto"
    """Whether the trunk's batch normalisation keeps its statistics and weights. ``auto``: frozen where the trunk started
    from given weights (small batches would drag the statistics away from the weights), trained where it did not."""
    cached_features: bool = False
    """With ``train: head``: compute the frozen trunk's features once, without augmentation, and fit the head on them."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    """``sgd`` has Nesterov's momentum of 0.9."""
    learning_rate: float = Field(default=1e-4, gt=0.0)
    weight_decay: float = Field(default=1e-3, ge=0.0)
    """``adam``: an L2 penalty, added to the gradient of every weight, as PyTorch's Adam has it. ``adamw``, ``sgd``: weights
    shrink by this share of the learning rate at each step, whatever the gradient; biases and batch norm do not."""
    schedule: Literal["constant", "step", "cosine"] = "cosine"
    step_size: int = Field(default=10, ge=1)
    """Schedule ``step``: epochs between reductions."""
    gamma: float = Field(default=0.5, gt=0.0, le=1.0)
    """Schedule ``step``: factor of each reduction."""
    warmup_epochs: int = Field(default=0, ge=0)
    early_stop: int | None = Field(default=None, ge=1)
    """Stop after this many epochs without a better validation kappa, or an equal one at a lower loss, than any before."""

    @model_validator(mode="after")
    def _consistent(self) -> "StageConfig":
        form, colon, place = self.train.partition(":")
        if self.train not in ("all", "head") and not (form in ("after", "from") and colon and place):
            raise ValueError(f"train must be all, head, after:<block> or from:<layer>, got {self.train!r}")
        if self.cached_features and self.train != "head":
            raise ValueError("cached_features needs train: head, since only a frozen trunk's features stay the same")
        return self


class TrainingConfig(Section):
    """What holds for all stages of a member."""

    batch_size: int = Field(default=24, ge=1)
    class_weights: Literal["none", "sqrt", "balanced"] = "balanced"
    """Weight of a grade in the loss: 1, the root of its inverse frequency, or its inverse frequency."""
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    checkpoint: Literal["kappa", "last"] = "kappa"
    """Which weights are kept: of the epoch of the best validation kappa (at equal kappa, of the lowest loss), or of the last.
    With few people for validation the best of many epochs is a matter of luck; a schedule that comes to rest needs none."""
    partner_dropout: float = Field(default=0.15, ge=0.0, lt=1.0)
    """Dual only: share of training samples whose partner is hidden, so that one photograph alone can be graded."""
    precision: Precision = "float32"
    """What trunk and attention compute with while they are trained. ``mixed_bfloat16`` is for GPUs and processors that have it;
    weights stay float32, and what is kept is judged and scored in float32."""
    steps_per_execution: int = Field(default=1, ge=1)
    """Steps that run before Python hears of them again: on a GPU, small steps wait for it less."""
    jit_compile: Literal["auto", True, False] = "auto"
    """Whether XLA compiles training steps; stages on cached features go without. ``auto``: where ``deterministic`` is off and
    the trunk is one for which that was measured to pay (:attr:`kerasdr.models.registry.Trunk.xla`); the run's ``config.yaml``
    says what was chosen. What pays hangs on the machine: ``tests/benchmarks/xla.py`` measures it on yours."""
    deterministic: bool = True
    """Fix the order of parallel sums, so that the same configuration gives the same network on the same machine. XLA does not
    go with it."""


class MemberConfig(Section):
    """One network of the ensemble, written out in full."""

    name: Name
    seed: int
    model: ModelSpec
    imaging: ImagingConfig
    augment: AugmentConfig
    training: TrainingConfig
    stages: tuple[StageConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stages_fit(self) -> "MemberConfig":
        _refuse_repeats([stage.name for stage in self.stages], "stage")
        if self.model.attention != "none":
            cached = [stage.name for stage in self.stages if stage.cached_features]
            if cached:
                raise ValueError(
                    f"stage {cached[0]}: cached_features does not go with model.attention={self.model.attention}, which is "
                    "trained in front of the pooling; set it to false"
                )
        return self


class EnsembleConfig(Section):
    """How members are trained for one another, and how their probabilities may be combined."""

    training: Literal["independent", "bagging", "boosting"] = "independent"
    """``bagging``: each member is fitted on a bootstrap of the training people. ``boosting``: members are fitted one after
    another, each on weights that dwell on what those before it got wrong (SAMME)."""
    methods: tuple[str, ...] = ("soft", "weighted")
    """Validation chooses among them; left out, bagging and boosting combine as they are meant to."""

    @model_validator(mode="before")
    @classmethod
    def _methods_of_training(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("methods") is None:
            own = content.get("training")
            content = {key: value for key, value in content.items() if key != "methods"}
            if own in ("bagging", "boosting"):
                content["methods"] = (own,)
        return content


class BundleConfig(Section):
    """What the bundle carries beside weights."""

    engines: tuple[Literal["openvino", "onnxruntime"], ...] = ("openvino",)
    """Graphs for these engines, so that scoring needs no training framework; ``kerasdr bundle build`` makes them later."""
    doubtful_share: float = Field(default=0.01, ge=0.0, lt=0.5)
    """Share of the training and validation photographs beyond each limit of sharpness, contrast, light, grain, reflexes and
    field; what lies beyond one is graded, called doubtful and sent to a reader. 0: nothing is called doubtful."""


class Experiment(Section):
    """A whole experiment, as :func:`resolve` gives it."""

    name: Name
    description: str = ""
    seed: int = 40
    data: DataConfig = DataConfig()
    members: tuple[MemberConfig, ...] = Field(min_length=1)
    ensemble: EnsembleConfig = EnsembleConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    bundle: BundleConfig = BundleConfig()

    @model_validator(mode="after")
    def _member_names_differ(self) -> "Experiment":
        _refuse_repeats([member.name for member in self.members], "member")
        return self


def shipped_names() -> tuple[str, ...]:
    """Return the names of the configurations that come with kerasdr, sorted."""
    folder = importlib.resources.files("kerasdr.configs")
    return tuple(sorted(item.name[: -len(".yaml")] for item in folder.iterdir() if item.name.endswith(".yaml")))


def read(name_or_path: str) -> dict[str, Any]:
    """Read a shipped configuration by name, or a YAML file by path, without checking it yet.

    Raises:
        KerasdrError: if there is no such name or file, or it is not a YAML mapping.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise KerasdrError(f"cannot read the configuration {path}: {reason}; check the path") from error
    else:
        names = shipped_names()
        if name_or_path not in names:
            raise KerasdrError(
                f"no configuration is called {name_or_path!r}{suggestion(name_or_path, names)}; "
                f"shipped are {', '.join(names)}, and a path ending in .yaml is read as a file"
            )
        text = (importlib.resources.files("kerasdr.configs") / f"{name_or_path}.yaml").read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise KerasdrError(f"{name_or_path} is not valid YAML: {problem}; correct that line") from error
    if not isinstance(content, dict):
        raise KerasdrError(f"{name_or_path} must hold keys and values (a YAML mapping), got {type(content).__name__}")
    return content


def resolve(raw: Mapping[str, Any], source: str = "configuration") -> Experiment:
    """Check a raw configuration and write every member out in full.

    Raises:
        KerasdrError: one line that names each wrong key, with a suggestion for misspelt ones.
    """
    content: dict[str, Any] = copy.deepcopy(dict(raw))
    # A resolved configuration has no sections, so that what members say is all there is; a hand-written one does.
    sections = {name: content.pop(name, None) or {} for name in MEMBER_SECTIONS}
    stages = content.pop("stages", None)
    seed = content.get("seed", Experiment.model_fields["seed"].default)
    members = content.pop("members", None) or [{}]
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise KerasdrError(f"{source}: members must be a list of mappings, each with a name")
    filled = []
    for index, member in enumerate(members):
        whole = {**member}
        for name in MEMBER_SECTIONS:
            own = member.get(name) or {}
            if not isinstance(own, dict) or not isinstance(sections[name], dict):
                raise KerasdrError(f"{source}: {name} must hold keys and values, got {own or sections[name]!r}")
            whole[name] = {**sections[name], **own}
        whole.setdefault("stages", stages if stages is not None else [{}])
        # Members of one experiment start from different random numbers unless the file says otherwise.
        whole.setdefault("seed", seed + index if isinstance(seed, int) else seed)
        whole.setdefault("name", f"{whole['model'].get('trunk', ModelSpec().trunk)}")
        filled.append(whole)
    try:
        return Experiment.model_validate({**content, "members": filled})
    except ValidationError as error:
        raise KerasdrError(f"{source}: {_explain(error)}") from error


def load(name_or_path: str, settings: Iterable[str] = ()) -> Experiment:
    """Read, override and resolve in one go.

    Raises:
        KerasdrError: as :func:`read`, :func:`override` and :func:`resolve`, if a setting would change nothing, and if it
            is a task (:mod:`kerasdr.tasks`).
    """
    raw = read(name_or_path)
    if "rows" in raw:
        raise KerasdrError(f"{name_or_path} is a task of many rows: `kerasdr train {name_or_path}` takes it")
    fitting, why = fit_settings(raw, settings)
    if why:
        raise KerasdrError(next(iter(why.values())))
    return resolve(override(raw, fitting), name_or_path)


def to_yaml(experiment: Experiment) -> str:
    """Return the experiment as YAML that :func:`load` reads back to an equal experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _refuse_repeats(names: list[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"each {what} needs a name of its own; {', '.join(repeated)} is used more than once")


def _explain(error: ValidationError) -> str:
    known = {name for section in Section.__subclasses__() for name in section.model_fields} | set(MEMBER_SECTIONS)
    problems = []
    # What was refused counts as absent as well, which need not be said.
    for item in (e for e in error.errors() if error.error_count() == 1 or e["loc"] != ("members",)):
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            problems.append(f"unknown key {place}{suggestion(str(item['loc'][-1]), known)}")
        elif item["type"] == "missing":
            problems.append(f"{place} is missing")
        else:
            message = item["msg"].removeprefix("Value error, ")
            received = "" if isinstance(item["input"], (dict, list)) else f" (got {item['input']!r})"
            problems.append(f"{place}: {message}{received}" if place else message)
    # Members share defaults, so one misspelling shows up once for each: say it once.
    return "; ".join(dict.fromkeys(problems))
