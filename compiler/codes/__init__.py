"""Every diagnostic's code; its page is the Markdown file of that name in this folder."""

from __future__ import annotations

from enum import StrEnum
from importlib import resources


class Code(StrEnum):
    """What went wrong.

    E1 syntax and composition, E2 names, E3 types, E4 policies, E5 backends,
    E6 state and plan, E7 data and runs, W warnings.
    """

    YAML_SYNTAX = "E101"
    ENCODING = "E102"
    YAML_BOUNDS = "E103"
    DUPLICATE_KEY = "E104"
    SPEC_NOT_FOUND = "E105"
    INTERPOLATION = "E106"
    INTERPOLATION_CYCLE = "E107"
    OVERRIDE = "E108"
    CONFIG_GROUP = "E109"
    NOT_A_MAPPING = "E110"
    YAML_FEATURE = "E111"
    LANGUAGE_VERSION = "E112"
    PATH_OUTSIDE = "E113"
    SECRET_NOT_ALLOWED = "E114"
    SWEEP = "E116"
    UNKNOWN_KEY = "E120"
    MISSING_KEY = "E121"
    WRONG_TYPE = "E122"
    BAD_VALUE = "E123"
    UNKNOWN_KIND = "E124"
    BAD_NAME = "E125"
    INCLUDE = "E140"
    ENVIRONMENT = "E141"
    FOR_EACH = "E142"
    MODULE = "E143"
    MODULE_INPUT = "E144"

    UNKNOWN_BLOCK = "E201"
    CYCLE = "E202"
    UNKNOWN_COLUMN = "E203"
    UNKNOWN_TABLE = "E204"
    UNKNOWN_FUNCTION = "E205"
    AMBIGUOUS_NAME = "E206"
    DUPLICATE_NAME = "E207"

    SQL_SYNTAX = "E301"
    SQL_TYPE = "E302"
    EXPRESSION_SYNTAX = "E303"
    EXPRESSION_TYPE = "E304"
    NOT_COMPILABLE = "E305"
    RULE_TYPE = "E306"
    TARGET_TYPE = "E307"
    METRIC_TASK = "E308"
    GATE_SYNTAX = "E309"
    GATE_METRIC = "E310"
    TARGET_LEAK = "E311"
    SPLIT = "E312"
    MONITOR = "E313"
    REQUEST_COLUMNS = "E314"
    ALGORITHM_TASK = "E315"
    CONTRACT = "E316"
    IMPURE_SQL = "E317"

    BACKEND_OPERATION = "E501"
    BACKEND_FIELD = "E502"
    UNKNOWN_BACKEND = "E503"
    BACKEND_MISSING = "E504"
    BACKEND_SETTINGS = "E505"

    STATE_NEWER = "E601"
    STATE_DAMAGED = "E602"
    STATE_LOCKED = "E603"
    PLAN_STALE = "E604"
    PLAN_UNREADABLE = "E605"
    NOTHING_APPLIED = "E606"
    PROJECT_FOLDER = "E607"
    NO_FORMER_REVISION = "E608"
    SWEEP_UNKNOWN = "E610"
    NOT_PROMOTED = "E611"

    SOURCE_MISSING = "E701"
    SOURCE_UNREADABLE = "E702"
    SOURCE_EMPTY = "E703"
    VALUE_TYPE = "E704"
    SOURCE_COLUMNS = "E705"
    DATA_REJECTED = "E706"
    GATE_FAILED = "E707"
    SECRET_MISSING = "E708"
    CONNECTION = "E709"
    QUERY_FAILED = "E710"
    WORKER_DIED = "E711"
    NO_SPACE = "E712"
    TRAINING_FAILED = "E713"
    TOO_FEW_ROWS = "E714"
    MODEL_UNREADABLE = "E715"
    INTERRUPTED = "E716"
    DEPLOYMENT_FAILED = "E717"
    VERSION_STORE = "E720"
    REGISTRY = "E721"
    CLUSTER = "E722"
    INTERNAL = "E799"

    NOTIFICATION_FAILED = "W701"
    OBJECT_DAMAGED = "W702"
    LOCK_WRITTEN = "W301"

    @property
    def page(self) -> str:
        """The code's page as Markdown: why, a failing example, its mend."""
        return resources.files(__package__).joinpath(f"{self.value}.md").read_text("utf-8")
