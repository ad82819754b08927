"""Recurrent trainers at the corners of the configuration."""

from tests.sim.configurations import ODD, case

CASES = {
    "one-step": case(13, (10, 6), 3, 6, 8, 4, steps=1),
    "all-steps": case(13, (10, 6), 3, 6, 8, 4, steps=6, lengths=(6, 6)),
    "unequal-lengths": case(13, (10, 6), 3, 6, 8, 4, steps=7, reinforce=(ODD, 1 << 15), sweep=3),
    "short-horizon": case(9, (12, 8), 4, 7, 8, 2, steps=9, horizon=3),
    "horizon-of-one": case(9, (12, 8), 4, 7, 8, 8, steps=5, horizon=1),
    "batch": case(11, (10, 7), 3, 5, 8, 4, steps=4, max_batch=3, batch=3, reinforce=(1 << 15, 0)),
    "batch-partial": case(11, (9, 6), 3, 4, 6, 3, steps=5, max_batch=7, batch=4, horizon=2),
    "thinned": case(11, (10, 6), 3, 5, 8, 4, steps=4, thinning=ODD),
    "thinned-batch": case(11, (10, 6), 3, 5, 8, 8, steps=4, thinning=1 << 14, max_batch=2,
                          batch=2),
    "thinned-away": case(11, (10, 6), 3, 5, 8, 4, steps=4, thinning=0,
                          reinforce=(1 << 15, 1 << 14)),
    "saturated": case(10, (8, 8), 4, 2, 8, 4, steps=5, saturated=True,
                      reinforce=(1 << 15, 1 << 15)),
    "many-words": case(30, (21, 5), 3, 6, 4, 2, steps=4),
    "wider-than-every-row": case(5, (9, 8), 3, 7, 24, 8, steps=5),
    "three-subwords": case(17, (13, 7), 4, 7, 12, 4, steps=4, reinforce=(ODD, 0)),
    "one-lane": case(3, (5, 4), 3, 5, 1, 1, steps=3, reinforce=(1 << 15, 1 << 12)),
    "one-of-everything": case(1, (1, 1), 2, 2, 1, 1, steps=2, nu=1.0),
    "two-generators": case(70, (36, 9), 3, 4, 66, 33, steps=3, thinning=ODD,
                           reinforce=(1 << 14, ODD)),
    "closed-gates": case(12, (8, 8), 3, 7, 8, 4, steps=5, nu=0.0),
    "open-gates": case(12, (8, 8), 3, 7, 8, 4, steps=5, nu=1.0, margin=2.0, group=1),
    "single-port": case(11, (10, 6), 3, 6, 8, 4, steps=5, thinning=1 << 14, reinforce=(ODD, 0),
                        single_port=True),
    "single-port-batch": case(11, (10, 6), 3, 6, 16, 4, steps=5, max_batch=3, batch=3,
                              single_port=True),
    "registered": case(11, (10, 6), 3, 6, 8, 4, steps=5, reinforce=(1 << 15, 0), registered=True),
}
