# echo_capnp.rs is made of this, by hand, so that nobody needs the compiler:
#   cargo install capnpc --version 0.27.0
#   capnp compile -orust echo.capnp
@0xd6a4f2b1c09e3787;

# Of capnpc's rust.capnp: where the generated module is.
annotation parentModule @0xabee386cd1450364 (file) :Text;
$parentModule("rpc::peers::capnp");

struct Message {
  id @0 :UInt64;
  name @1 :Text;
  tags @2 :List(Text);
  blob @3 :Data;
}

interface Echo {
  echo @0 (message :Message) -> (message :Message);
}
