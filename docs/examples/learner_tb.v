// Simulates the learner and prints each result: prediction, error, triggered; then the errors of
// every epoch.
`timescale 1ns / 1ps
module learner_tb;
  parameter EPOCHS = 4;
  reg clk = 0;
  reg rst = 1;
  wire [15:0] epochs, errors;
  wire result_valid;
  wire [3:0] result;
  learner dut (.clk(clk), .rst(rst), .epochs(epochs), .errors(errors),
               .result_valid(result_valid), .result(result));
  always #5 clk = !clk;
  initial #22 rst = 0;
  always @(posedge clk)
    if (!rst && result_valid) $display("result %0d %0d %0d", result[1:0], result[2], result[3]);
  always @(epochs)
    if (!rst && epochs != 0) begin
      $display("epoch %0d errors %0d", epochs, errors);
      if (epochs == EPOCHS) $finish;
    end
  initial begin
    #10000000 $display("not done in time");
    $finish;
  end
endmodule
