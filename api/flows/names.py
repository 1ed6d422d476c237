"""The names of the flows' tasks, as the task table knows them."""

OPEN_TASK = "flows.begin_opening"
PLAN_TASK = "flows.plan_seats"
REPLAN_TASK = "flows.replan_seats"
DOSSIER_TASK = "flows.seal_dossier"
AVOIDANCE_TASK = "flows.look_again"
PLACES_TASK = "flows.tell_places"
FAIRNESS_TASK = "flows.report_fairness"
