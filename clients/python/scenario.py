"""What an application does with Jeton, through the official Python client, unmodified.

Every check prints a line; the last line counts them. The JavaScript scenario is its twin.
"""

import sys
import traceback

import elasticsearch

import harness
import mappings
import privileges
import roles
import service
import tokens
import users

SCENARIOS = [
    *tokens.SCENARIOS,
    *users.SCENARIOS,
    *roles.SCENARIOS,
    *mappings.SCENARIOS,
    *privileges.SCENARIOS,
    *service.SCENARIOS,
]


def main():
    print(f"elasticsearch {elasticsearch.__versionstr__} for Python, {harness.URL}")
    harness.check("major version of the client", elasticsearch.__version__[0], harness.MAJOR)
    for scenario in SCENARIOS:
        print(f"-- {scenario.__name__.replace('_', ' ')}")
        try:
            scenario()
        except Exception:
            harness.give_up(scenario.__name__)
            traceback.print_exc(file=sys.stdout)
    print(f"{harness.passed} passed, {harness.failed} failed")
    return 1 if harness.failed else 0


if __name__ == "__main__":
    sys.exit(main())
