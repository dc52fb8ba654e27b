@0xd6a4f2b1c09e3787;

struct Message {
  id @0 :UInt64;
  name @1 :Text;
  tags @2 :List(Text);
  blob @3 :Data;
}

interface Echo {
  echo @0 (message :Message) -> (message :Message);
}
