import numpy as np
from keras import ops
from scipy import special

from hiervae_student_t.gamma_ratio import log_gamma_ratio


def test_against_scipy():
    x = np.geomspace(0.5, 1e5, 300)
    exact = special.gammaln(x + 0.5) - special.gammaln(x)
    got = ops.convert_to_numpy(log_gamma_ratio(ops.convert_to_tensor(x.astype("float32"))))
    np.testing.assert_allclose(got, exact, rtol=2e-6, atol=5e-7)
