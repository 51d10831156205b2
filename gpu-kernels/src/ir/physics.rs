//! Four-vectors and angles as expressions: the one place where their formulas are written for kernels.
//!
//! Everything is `F64`; fields of other types are cast. Energies, momenta and masses in GeV, angles in radians.

use super::expr::{BinaryOp, Expr, UnaryOp};
use super::types::{Input, Type};

/// A Lorentz vector in Cartesian components.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FourVector {
    /// px = pt cos φ
    pub px: Expr,
    /// py = pt sin φ
    pub py: Expr,
    /// pz = pt sinh η
    pub pz: Expr,
    /// E = √(px² + py² + pz² + m²)
    pub energy: Expr,
}

fn squares(first: &Expr, rest: &[(BinaryOp, &Expr)]) -> Expr {
    let square = |x: &Expr| x.clone().binary(BinaryOp::Mul, x.clone());
    rest.iter().fold(square(first), |sum, (op, x)| sum.binary(*op, square(x)))
}

impl FourVector {
    /// From transverse momentum, pseudorapidity, azimuth and mass, all `F64`.
    #[must_use]
    pub fn new(pt: Expr, eta: Expr, phi: Expr, mass: Expr) -> Self {
        use BinaryOp::Mul;
        let px = pt.clone().binary(Mul, phi.clone().unary(UnaryOp::Cos));
        let py = pt.clone().binary(Mul, phi.unary(UnaryOp::Sin));
        let pz = pt.binary(Mul, eta.unary(UnaryOp::Sinh));
        let add = BinaryOp::Add;
        let energy = squares(&px, &[(add, &py), (add, &pz), (add, &mass)]).unary(UnaryOp::Sqrt);
        Self { px, py, pz, energy }
    }

    /// Sum of two, component by component. Sums of more are `(a + b) + c`, as written.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        use BinaryOp::Add;
        Self {
            px: self.px.binary(Add, other.px),
            py: self.py.binary(Add, other.py),
            pz: self.pz.binary(Add, other.pz),
            energy: self.energy.binary(Add, other.energy),
        }
    }

    /// m = √max(E² − px² − py² − pz², 0)
    #[must_use]
    pub fn mass(&self) -> Expr {
        use BinaryOp::{Greatest, Sub};
        let square = squares(&self.energy, &[(Sub, &self.px), (Sub, &self.py), (Sub, &self.pz)]);
        square.binary(Greatest, 0.0.into()).unary(UnaryOp::Sqrt)
    }

    /// pt = √(px² + py²)
    #[must_use]
    pub fn pt(&self) -> Expr {
        squares(&self.px, &[(BinaryOp::Add, &self.py)]).unary(UnaryOp::Sqrt)
    }

    /// φ = atan2(py, px)
    #[must_use]
    pub fn phi(&self) -> Expr {
        self.py.clone().binary(BinaryOp::Atan2, self.px.clone())
    }

    /// η = asinh(pz / pt)
    #[must_use]
    pub fn eta(&self) -> Expr {
        self.pz.clone().binary(BinaryOp::Div, self.pt()).unary(UnaryOp::Asinh)
    }
}

/// Δφ = first − second, in [−π, π].
#[must_use]
pub fn delta_phi(first: Expr, second: Expr) -> Expr {
    first.binary(BinaryOp::Sub, second).unary(UnaryOp::WrapPhi)
}

/// ΔR = √(Δη² + Δφ²)
#[must_use]
pub fn delta_r(eta1: Expr, phi1: Expr, eta2: Expr, phi2: Expr) -> Expr {
    let delta_eta = eta1.binary(BinaryOp::Sub, eta2);
    squares(&delta_eta, &[(BinaryOp::Add, &delta_phi(phi1, phi2))]).unary(UnaryOp::Sqrt)
}

/// The expression as `F64`, cast where it is not one yet.
///
/// # Errors
/// Where the expression has no type.
pub fn as_f64(expr: Expr, inputs: &[Input]) -> Result<Expr, super::IrError> {
    Ok(if expr.ty(inputs)? == Type::F64 { expr } else { expr.cast(Type::F64) })
}
