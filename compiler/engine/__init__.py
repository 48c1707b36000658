"""The engine: what was applied, what would change, and making it so.

Imported module by module, so that compiling pays for none of it:
``project.open_project``, ``planning.make_plan``, ``plan.Plan`` (``save_plan``,
``load_plan``, ``confirm_plan``), ``apply.apply_plan``, ``results.RunResult`` and
``results.Listener``, ``destroy.plan_destroy`` and ``destroy.destroy``,
``gc.collect_garbage``, ``rows.nodes`` and ``rows.runs``, ``journal.of_run``,
``outbox.events``.
"""
